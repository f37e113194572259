import { mkdir } from "node:fs/promises";
import type { GrantedFolder } from "@plinth/sdk/tiers";
import { OpenFolder } from "./descent.ts";

const MAX_OPEN = 256;

interface Held {
  readonly opening: Promise<OpenFolder>;
  uses: number;
  /** Closed by whoever uses it last. */
  dropped: boolean;
}

/**
 * Granted folders, opened once: whoever may write beside one cannot put something else in its place. One that was removed
 * is opened anew. Changes within a folder happen one after the other.
 */
export class Roots {
  readonly #held = new Map<string, Held>();
  readonly #changes = new Map<string, Promise<unknown>>();

  async use<T>(folder: GrantedFolder, body: (root: OpenFolder) => Promise<T>): Promise<T> {
    const held = this.#take(folder);
    try {
      const root = await held.opening;
      if ((await root.stat()).nlink > 0) return await body(root);
      this.#drop(folder.path, held);
    } finally {
      held.uses--;
      this.#closeUnused(held);
    }
    return this.use(folder, body);
  }

  /** As `use`, after every change that was asked for before. */
  change<T>(folder: GrantedFolder, body: (root: OpenFolder) => Promise<T>): Promise<T> {
    const before = this.#changes.get(folder.path) ?? Promise.resolve();
    const result = before.then(() => this.use(folder, body));
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#changes.get(folder.path) === settled) this.#changes.delete(folder.path);
      });
    this.#changes.set(folder.path, settled);
    return result;
  }

  close(): void {
    for (const [path, held] of this.#held) this.#drop(path, held);
  }

  #take(folder: GrantedFolder): Held {
    let held = this.#held.get(folder.path);
    if (held === undefined) {
      const [oldest] = this.#held;
      if (this.#held.size >= MAX_OPEN && oldest !== undefined) this.#drop(...oldest);
      const made: Held = { opening: opened(folder), uses: 0, dropped: false };
      made.opening.catch(() => this.#drop(folder.path, made));
      this.#held.set(folder.path, (held = made));
    }
    held.uses++;
    return held;
  }

  #drop(path: string, held: Held): void {
    if (this.#held.get(path) === held) this.#held.delete(path);
    held.dropped = true;
    this.#closeUnused(held);
  }

  #closeUnused(held: Held): void {
    if (held.dropped && held.uses === 0) held.opening.then((root) => root.close()).catch(() => {});
  }
}

async function opened({ name, path }: GrantedFolder): Promise<OpenFolder> {
  // Its own folder and the workspace are the host's to make; another one is the owner's.
  if (!name.startsWith("/")) await mkdir(path, { recursive: true, mode: 0o700 });
  return OpenFolder.root(path);
}
