import { cp, mkdir, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "@plinth/sdk";
import { draftOf } from "@plinth/sdk/home";
import type { Installed, LockEntry } from "../world.ts";

/** So many versions of an extension are kept for going back. */
const KEPT = 5;

export interface Kept {
  lock: LockEntry;
  /** When it was replaced, in milliseconds since the epoch; the same for all that were replaced together. */
  at: number;
  /** What an owner had consented to: going back to exactly that is no new question. */
  consent?: string;
}

/** The versions that were installed before, with their packages. The newest is first. */
export class Previous {
  readonly #store: Context["store"];
  readonly #root: string;

  constructor(ctx: Pick<Context, "store" | "dataDir">) {
    this.#store = ctx.store;
    this.#root = join(ctx.dataDir, "previous");
  }

  async of(id: string): Promise<Kept[]> {
    return (await this.#store.get<Kept[]>(keyOf(id))) ?? [];
  }

  /** Where a kept package lies; undefined when it is gone. */
  async folder(digest: string): Promise<string | undefined> {
    const dir = this.#folder(digest);
    return (await stat(dir).catch(() => undefined))?.isDirectory() ? dir : undefined;
  }

  /**
   * Keep a copy of what is about to be replaced. Its digest is checked when it comes back. It is named before it is copied:
   * what is named and still installed is let go by `prune`, so that nothing stays of a change that was killed.
   */
  async keep(id: string, { lock, dir }: Installed, at: number, consent: string | undefined): Promise<void> {
    if (dir === undefined) return;
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    // The same version built anew has no use any more.
    const rest = (await this.of(id)).filter((one) => one.lock.digest !== lock.digest && one.lock.version !== lock.version);
    await this.#store.set(keyOf(id), [{ lock, at, ...(consent === undefined ? {} : { consent }) }, ...rest].slice(0, KEPT + 1));
    const target = this.#folder(lock.digest);
    if ((await this.folder(lock.digest)) !== undefined) return;
    const draft = draftOf(target);
    await cp(dir, draft, { recursive: true, verbatimSymlinks: true });
    await rename(draft, target);
  }

  /** Whether anything is kept, or was begun to be. */
  async exists(): Promise<boolean> {
    return (await stat(this.#root).catch(() => undefined)) !== undefined;
  }

  async forget(id: string): Promise<void> {
    await this.#store.delete(keyOf(id));
  }

  /**
   * Remove packages that no version list names any more.
   *
   * @param installed what is installed, by id; what is kept of others is let go, and there is no way back to what is here.
   * @param all let go of everything.
   */
  async prune(installed: ReadonlyMap<string, { digest: string }>, all: boolean): Promise<{ removed: number; kept: number }> {
    const wanted = new Set<string>();
    for (const key of await this.#store.keys("previous/")) {
      const id = key.slice("previous/".length);
      const here = installed.get(id);
      const kept = await this.of(id);
      const useful = all || here === undefined ? [] : kept.filter(({ lock }) => lock.digest !== here.digest).slice(0, KEPT);
      if (useful.length === 0) await this.forget(id);
      else if (useful.length < kept.length) await this.#store.set(keyOf(id), useful);
      for (const { lock } of useful) wanted.add(nameOf(lock.digest));
    }
    const names = await readdir(this.#root).catch(() => []);
    const gone = names.filter((name) => !wanted.has(name));
    for (const name of gone) await rm(join(this.#root, name), { recursive: true, force: true });
    // Not when something is in it.
    await rmdir(this.#root).catch(() => {});
    return { removed: gone.length, kept: names.length - gone.length };
  }

  #folder(digest: string): string {
    return join(this.#root, nameOf(digest));
  }
}

const keyOf = (id: string): string => `previous/${id}`;
const nameOf = (digest: string): string => digest.slice(0, 32);
