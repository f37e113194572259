import { createHash, randomInt } from "node:crypto";
import type { Learned } from "@plinth/registry";
import { type Context, PlinthError } from "@plinth/sdk";
import type { Requester } from "./operation.ts";
import type { Package } from "./set/step.ts";

/** An inspected set of packages that waits for its owner's yes. The yes is bound to their bytes and to what they ask for. */
export interface Waiting {
  /** What was asked for comes first. */
  packages: Package[];
  /** Folders to remove when it is over. */
  staged: string[];
  /** Versions that are there now, by id. */
  replaces: { [id: string]: string };
  /** What is kept of publishers and registries with the yes, and not before. */
  learns: Learned[];
}

type Stored = Waiting & { asker: string; expiresAt: number };

const CODE_LENGTH = 8;
/** No character that is taken for another one. */
const ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
const VALID_MS = 10 * 60_000;
/** Expired entries stay a while, so that a late code is told why it fails. */
const KEPT_MS = 60 * 60_000;
const MOST = 8;

/**
 * One-time codes for consents. They are kept in the store, as hashes, because the shell that confirms may be another
 * process than the one that asked.
 */
export class Consents {
  readonly #store: Context["store"];
  readonly #now: () => number;
  readonly #drop: (dir: string) => Promise<void>;

  /** @param drop removes a staging folder of an entry that will never be confirmed. */
  constructor(ctx: Pick<Context, "store" | "clock">, drop: (dir: string) => Promise<void>) {
    this.#store = ctx.store;
    this.#now = () => ctx.clock.now();
    this.#drop = drop;
  }

  /** Put an entry aside. Of too many waiting entries the oldest gives way. */
  async ask(waiting: Waiting, requester: Requester): Promise<{ code: string; expiresAt: number }> {
    const entries = await this.#entries();
    entries.sort((a, b) => a.entry.expiresAt - b.entry.expiresAt);
    for (const { key, entry } of entries.slice(0, Math.max(0, entries.length - MOST + 1))) await this.#forget(key, entry);
    const code = Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
    const expiresAt = this.#now() + VALID_MS;
    const stored: Stored = { ...waiting, asker: askerOf(requester), expiresAt };
    await this.#store.set(keyOf(code), stored, VALID_MS + KEPT_MS);
    return { code, expiresAt };
  }

  /** The entry of a code, once, and only for whom it was given to. The caller owns its staging folders from here on. */
  async take(text: string, requester: Requester): Promise<Waiting> {
    const code = text.toUpperCase().replace(/[\s-]/g, "");
    const key = keyOf(code);
    const stored = code.length === CODE_LENGTH ? await this.#store.get<Stored>(key) : undefined;
    if (!stored) throw refused("PLINTH_CONSENT_CODE", "That code is not valid, or it was used already.");
    if (stored.asker !== askerOf(requester)) {
      throw refused("PLINTH_CONSENT_CODE", "That code was given to somebody else, or in another conversation.");
    }
    if (!(await this.#store.delete(key))) throw refused("PLINTH_CONSENT_CODE", "That code was used already.");
    if (stored.expiresAt <= this.#now()) {
      await this.#dropAll(stored);
      throw refused("PLINTH_CONSENT_EXPIRED", `The code for ${named(stored)} has expired.`);
    }
    const { asker: _asker, expiresAt: _expiresAt, ...waiting } = stored;
    return waiting;
  }

  /** The staging folders of entries that may still be confirmed; expired ones lose theirs here. */
  async folders(): Promise<string[]> {
    const live: string[] = [];
    for (const { entry } of await this.#entries()) {
      if (entry.expiresAt > this.#now()) live.push(...entry.staged);
      else await this.#dropAll(entry);
    }
    return live;
  }

  async #entries(): Promise<{ key: string; entry: Stored }[]> {
    const found: { key: string; entry: Stored }[] = [];
    for (const key of await this.#store.keys("pending/")) {
      const entry = await this.#store.get<Stored>(key);
      if (entry) found.push({ key, entry });
    }
    return found;
  }

  async #forget(key: string, entry: Stored): Promise<void> {
    if (await this.#store.delete(key)) await this.#dropAll(entry);
  }

  async #dropAll({ staged }: Stored): Promise<void> {
    for (const dir of staged) await this.#drop(dir);
  }
}

/** Such as `demo.dice 1.0.0 and 2 more`. */
export function named({ packages }: Pick<Waiting, "packages">): string {
  const [first, ...more] = packages;
  return `${first?.id} ${first?.version}${more.length === 0 ? "" : ` and ${more.length} more`}`;
}

function keyOf(code: string): string {
  return `pending/${createHash("sha256").update(code).digest("hex")}`;
}

function askerOf({ principal, surface, session }: Requester): string {
  return JSON.stringify([principal.role, principal.via, principal.name ?? null, surface, session]);
}

function refused(code: string, message: string): PlinthError {
  return new PlinthError(code, message, { next: "Ask for the installation again where you are now, and confirm with the new code." });
}
