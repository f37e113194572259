import { statSync } from "node:fs";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { takeFileLock, writeAtomic } from "@plinth/sdk/home";
import { readOwn, unreadable } from "./own-file.ts";
import type { Profile } from "./profile.ts";

const WAIT_MS = 8_000;
const MOST = 500;
const SETTLED_MS = 50n;

/** What stands in the file. */
export interface Kept {
  readonly version: 1;
  readonly profiles: readonly Profile[];
  /** Order by vendor. */
  readonly orders: Readonly<Record<string, readonly string[]>>;
  /** By agent, then by vendor. */
  readonly agents: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const NONE: Kept = { version: 1, profiles: [], orders: {}, agents: {} };

/**
 * The profiles of all agents, by reference, in one file for its owner alone. Each use sees whether it is another file than the last
 * time, or changed: other processes and editors write it too.
 */
export class Profiles {
  readonly #folder: string;
  readonly #file: string;
  #known: { as: string; kept: Kept } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#file = join(folder, "profiles.json");
  }

  async read(): Promise<Kept> {
    // One look at a name takes microseconds; a file that is read goes through another thread, and each turn asks.
    const as = stateOf(this.#file);
    const known = this.#known;
    if (known !== undefined && known.as === as) return known.kept;
    const kept = await this.#read();
    // What was written while it was read is read again.
    if (as !== undefined && stateOf(this.#file) === as) this.#known = { as, kept };
    return kept;
  }

  async #read(): Promise<Kept> {
    const value = await readOwn(this.#file);
    if (value === undefined) return NONE;
    const kept = value as Partial<Kept> | null;
    if (typeof kept !== "object" || kept === null || kept.version !== 1 || !Array.isArray(kept.profiles))
      throw unreadable(this.#file, "cannot be read as what it was written as");
    return { version: 1, profiles: kept.profiles.filter(isProfile), orders: kept.orders ?? {}, agents: kept.agents ?? {} };
  }

  /** One change at a time, of all processes. */
  async change(change: (kept: Kept) => Kept): Promise<void> {
    const release = await takeFileLock(join(this.#folder, "profiles.lock"), WAIT_MS);
    if (release === undefined)
      throw new PlinthError("PLINTH_HOME_BUSY", "Another process is changing the credentials.", { next: "Try again in a moment." });
    try {
      const kept = change(await this.read());
      if (kept.profiles.length > MOST) throw new PlinthError("PLINTH_BAD_INPUT", `There are ${MOST} credentials already.`, { next: "Remove some." });
      await writeAtomic(this.#file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
    } finally {
      release();
    }
  }
}

/** Which file it is, and when it was written last; undefined: that cannot be told, or not yet. */
function stateOf(file: string): string | undefined {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return "none";
    // A clock ticks every few milliseconds: what was just written may be written again within the same tick.
    if (BigInt(Date.now()) - found.mtimeMs < SETTLED_MS) return undefined;
    return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(" ");
  } catch {
    return undefined;
  }
}

function isProfile(value: unknown): value is Profile {
  const one = value as Partial<Record<keyof Profile, unknown>> | null;
  if (typeof one !== "object" || one === null || typeof one.from !== "object" || one.from === null) return false;
  return [one.id, one.vendor, one.of, one.kind].every((part) => typeof part === "string");
}
