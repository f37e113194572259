import { createHash } from "node:crypto";
import type { Context, Influence } from "@plinth/sdk";
import { type Times, Writers } from "./writers.ts";

interface Noted {
  path: string;
  parties: string[];
}

const MOST = 10_000;
const MANY = "*";

/**
 * Who besides the owner had a hand in which file, so that a turn that reads it later knows: what a page said does not
 * become the owner's word by lying in a file for a while. Kept in `ctx.store` by real path.
 */
export class Hands {
  readonly writers: Writers;
  readonly #ctx: Pick<Context, "store" | "lower" | "use" | "currentWork">;
  #all: Promise<Map<string, Noted>> | undefined;

  constructor(ctx: Pick<Context, "store" | "lower" | "use" | "currentWork">) {
    this.#ctx = ctx;
    this.writers = new Writers(ctx);
  }

  /** A file was written. `whole`: nothing of what stood there before is left. */
  async wrote(path: string, influences: readonly Influence[], whole: boolean): Promise<void> {
    const all = await this.#load();
    const parties = new Set([...(whole ? [] : (all.get(path)?.parties ?? [])), ...influences.map(({ party }) => party)]);
    if (parties.size === 0) {
      if (all.delete(path)) await this.#ctx.store.delete(keyOf(path));
      return;
    }
    // Beyond the bound nobody remembers which: then it is any file.
    const at = all.size >= MOST && !all.has(path) ? MANY : path;
    const noted: Noted = { path: at, parties: [...new Set([...(at === MANY ? (all.get(MANY)?.parties ?? []) : []), ...parties])].slice(0, 64) };
    all.set(at, noted);
    await this.#ctx.store.set(keyOf(at), noted);
  }

  /** Text or names of these files, or of all below a folder, go into the current work. Resolves to whether others had a hand in them. */
  async read(paths: Iterable<string>, folder?: string): Promise<boolean> {
    const all = await this.#load();
    const found = new Map<string, string>();
    const take = (path: string): void => {
      for (const party of all.get(path)?.parties ?? []) found.set(party, "had a hand in a file");
    };
    for (const path of [MANY, ...paths]) take(path);
    if (folder !== undefined) for (const path of all.keys()) if (path === folder || path.startsWith(`${folder}/`)) take(path);
    for (const id of await this.writers.ids()) found.set(id, "may write in the workspace");
    for (const [party, how] of found) await this.#ctx.lower(party, how);
    return found.size > 0;
  }

  /** The same for what somebody could write who may no more; `times` are those of what was read. */
  async formerly(times: Iterable<Times>): Promise<boolean> {
    const ids = await this.writers.formerly(times);
    for (const id of ids) await this.#ctx.lower(id, "could write in the workspace then");
    return ids.length > 0;
  }

  /** Who had a hand in each of these, for whoever reads them without a tool; those that were nobody else's are left out. */
  async of(files: readonly (Times & { path: string })[]): Promise<{ path: string; parties: string[] }[]> {
    const [all, now] = await Promise.all([this.#load(), this.writers.ids()]);
    const found: { path: string; parties: string[] }[] = [];
    for (const { path, ...times } of files) {
      const noted = [MANY, path].flatMap((one) => all.get(one)?.parties ?? []);
      const parties = new Set([...noted, ...now, ...(await this.writers.formerly([times]))]);
      if (parties.size > 0) found.push({ path, parties: [...parties].slice(0, 64) });
    }
    return found;
  }

  #load(): Promise<Map<string, Noted>> {
    this.#all ??= this.#readAll().catch((error) => {
      this.#all = undefined;
      throw error;
    });
    return this.#all;
  }

  async #readAll(): Promise<Map<string, Noted>> {
    const all = new Map<string, Noted>();
    for (const key of await this.#ctx.store.keys("hands/")) {
      const noted = await this.#ctx.store.get<Noted>(key);
      if (noted !== undefined) all.set(noted.path, noted);
    }
    return all;
  }
}

const keyOf = (path: string): string => `hands/${createHash("sha256").update(path).digest("hex").slice(0, 40)}`;
