import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, errorInfo, PlinthError } from "@plinth/sdk";
import { takeFileLock, writeAtomic } from "@plinth/sdk/home";
import { type Fetch, HttpError, refreshTokens, type Tokens } from "@plinth/sdk/kits/http";
import { endOf } from "./claims.ts";
import { readOwn } from "./own-file.ts";
import { type Found, NOTHING, type Profile } from "./profile.ts";

/** Longer than a token server is waited for, and shorter than the method's deadline. */
const WAIT_MS = 50_000;
/** A connection that was never made carried no token away. */
const NEVER_SENT = /\((ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|no address)\)/;

/** What signing in gave. */
interface Kept {
  readonly access: string;
  readonly refresh?: string;
  readonly expiresAt?: number;
  /** Written before the server is asked, gone with its answer. Where it stays, nobody knows whether the refresh token was used. */
  readonly asking?: { readonly since: number };
  /** The server takes the refresh token no more. */
  readonly refused?: true;
}

/**
 * The tokens of sign-ins, a file each, for its owner alone. A refresh token may be good for one use: it is sent by one
 * process at a time, and never again after a crash in which it may have been used.
 */
export class TokenFiles {
  readonly #folder: string;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(folder: string, fetch: Fetch, clock: Clock) {
    this.#folder = join(folder, "tokens");
    this.#fetch = fetch;
    this.#clock = clock;
  }

  async found(id: string): Promise<Found> {
    const kept = await this.#read(id);
    if (kept === undefined) return NOTHING;
    const fenced = kept.asking !== undefined || kept.refused === true;
    return {
      there: true,
      renewable: kept.refresh !== undefined && !fenced,
      ...(fenced ? { fenced } : {}),
      ...(kept.expiresAt === undefined ? {} : { expiresAt: kept.expiresAt }),
    };
  }

  async value(id: string): Promise<string | undefined> {
    return (await this.#read(id))?.access;
  }

  async refreshToken(id: string): Promise<string | undefined> {
    return (await this.#read(id))?.refresh;
  }

  async keep(id: string, tokens: Tokens): Promise<void> {
    await this.#locked(id, () => this.#write(id, keptOf(tokens)));
  }

  async forget(id: string): Promise<void> {
    await this.#locked(id, () => rm(this.#file(id), { force: true }));
  }

  /**
   * A new token where the old one is good for less than `minValidMs`. All who want one at the same time, in this process and
   * in others, wait for the same one.
   *
   * @returns whether there is a new one.
   * @throws PLINTH_CREDENTIAL_REFRESH
   */
  refresh(profile: Profile, minValidMs: number): Promise<boolean> {
    const running = this.#running.get(profile.id);
    if (running !== undefined) return running;
    const made = this.#locked(profile.id, () => this.#renew(profile, minValidMs)).finally(() => this.#running.delete(profile.id));
    this.#running.set(profile.id, made);
    return made;
  }

  async #renew({ id, vendor, oauth }: Profile, minValidMs: number): Promise<boolean> {
    // Read under the lock: another process may just have done it.
    const kept = await this.#read(id);
    if (kept === undefined || oauth === undefined) throw failed(id, vendor, "there are no tokens of it", true);
    if (kept.expiresAt === undefined || kept.expiresAt - this.#clock.now() >= minValidMs) return false;
    if (kept.asking !== undefined) throw failed(id, vendor, "a process ended while it asked for a new token, and the old one may be used up", true);
    if (kept.refused === true || kept.refresh === undefined) throw failed(id, vendor, "the vendor gives no new token for it", true);
    await this.#write(id, { ...kept, asking: { since: this.#clock.now() } });
    let tokens: Tokens;
    try {
      tokens = await refreshTokens(this.#fetch, this.#clock, oauth, kept.refresh);
    } catch (thrown) {
      throw await this.#unanswered(id, vendor, kept, thrown);
    }
    await this.#write(id, keptOf(tokens));
    return true;
  }

  /** What is left as it was, what is over, and what nobody can know. */
  async #unanswered(id: string, vendor: string, kept: Kept, thrown: unknown): Promise<PlinthError> {
    const { code, message } = errorInfo(thrown);
    if (thrown instanceof HttpError) {
      const over = thrown.status === 400 || thrown.status === 401 || wordOf(thrown.body) === "invalid_grant";
      await this.#write(id, over ? { ...kept, refused: true } : kept);
      const word = wordOf(thrown.body);
      return failed(id, vendor, `the token server answered with ${thrown.status}${word === undefined ? "" : ` (${word})`}`, over);
    }
    if (code === "PLINTH_PERMISSION" || NEVER_SENT.test(message)) {
      await this.#write(id, kept);
      return failed(id, vendor, "the token server cannot be reached", false);
    }
    return failed(id, vendor, "the token server gave no answer that could be read, and the old token may be used up", true);
  }

  #locked<T>(id: string, body: () => Promise<T>): Promise<T> {
    return alone(this.#file(id), id, body);
  }

  async #read(id: string): Promise<Kept | undefined> {
    const value = (await readOwn(this.#file(id)).catch(() => undefined)) as Partial<Kept> | undefined;
    return typeof value?.access === "string" ? (value as Kept) : undefined;
  }

  #write(id: string, kept: Kept): Promise<void> {
    return writeAtomic(this.#file(id), `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  }

  #file(id: string): string {
    return join(this.#folder, fileOf(id));
  }
}

export const fileOf = (id: string): string => `${createHash("sha256").update(id).digest("hex").slice(0, 32)}.json`;

/** One at a time of all processes. @throws PLINTH_CREDENTIAL_REFRESH where another one takes too long */
export async function alone<T>(file: string, id: string, body: () => Promise<T>): Promise<T> {
  const release = await takeFileLock(`${file}.lock`, WAIT_MS);
  if (release === undefined)
    throw new PlinthError("PLINTH_CREDENTIAL_REFRESH", `Another process has been renewing ${id} for too long.`, {
      next: "Try again in a moment.",
      details: { again: false, retryable: true },
    });
  try {
    return await body();
  } finally {
    release();
  }
}

/** Where the server does not say when it ends, the token may. */
const keptOf = ({ accessToken, refreshToken, expiresAt = endOf(accessToken) }: Tokens): Kept => ({
  access: accessToken,
  ...(refreshToken === undefined ? {} : { refresh: refreshToken }),
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/** A server's own word for what went wrong, where it is one of the words that OAuth has. */
export function wordOf(body: unknown): string | undefined {
  const word = (body as { error?: unknown } | null)?.error;
  return typeof word === "string" && /^[a-z_]{1,40}$/.test(word) ? word : undefined;
}

const failed = (id: string, vendor: string, why: string, again: boolean): PlinthError =>
  new PlinthError("PLINTH_CREDENTIAL_REFRESH", `${id} cannot be renewed: ${why}.`, {
    extension: "plinth.credentials",
    next: again ? `Sign in again: plinth models auth login ${vendor}` : "Try again in a moment.",
    details: { again, retryable: !again },
  });
