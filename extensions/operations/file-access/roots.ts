import { mkdir } from "node:fs/promises";
import { assertGrantable, type GrantedFolder } from "@plinth/sdk/tiers";
import { OpenFolder } from "./descent.ts";

const MAX_OPEN = 256;

interface Held {
  readonly opening: Promise<OpenFolder>;
  uses: number;
  /** Closed by whoever uses it last. */
  dropped: boolean;
}

/** The same folder under another name was granted for another reason. */
const keyOf = ({ name, path }: GrantedFolder): string => `${name}\0${path}`;

/**
 * Granted folders, opened once, and looked at as what was opened: whoever may write beside one cannot put something else in its place. One that was removed
 * is opened anew. Changes within a folder happen one after the other.
 */
export class Roots {
  readonly #held = new Map<string, Held>();
  readonly #changes = new Map<string, Promise<unknown>>();
  readonly #home: string;

  /** @param home of this host, which no folder may hold. */
  constructor(home: string) {
    this.#home = home;
  }

  async use<T>(extension: string, folder: GrantedFolder, body: (root: OpenFolder) => Promise<T>): Promise<T> {
    const held = this.#take(extension, folder);
    try {
      const root = await held.opening;
      if ((await root.stat()).nlink > 0) return await body(root);
      this.#drop(keyOf(folder), held);
    } finally {
      held.uses--;
      this.#closeUnused(held);
    }
    return this.use(extension, folder, body);
  }

  /** As `use`, after every change that was asked for before. */
  change<T>(extension: string, folder: GrantedFolder, body: (root: OpenFolder) => Promise<T>): Promise<T> {
    const before = this.#changes.get(folder.path) ?? Promise.resolve();
    const result = before.then(() => this.use(extension, folder, body));
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#changes.get(folder.path) === settled) this.#changes.delete(folder.path);
      });
    this.#changes.set(folder.path, settled);
    return result;
  }

  close(): void {
    for (const [key, held] of this.#held) this.#drop(key, held);
  }

  #take(extension: string, folder: GrantedFolder): Held {
    const key = keyOf(folder);
    let held = this.#held.get(key);
    if (held === undefined) {
      const [oldest] = this.#held;
      if (this.#held.size >= MAX_OPEN && oldest !== undefined) this.#drop(...oldest);
      const made: Held = { opening: this.#opened(extension, folder), uses: 0, dropped: false };
      made.opening.catch(() => this.#drop(key, made));
      this.#held.set(key, (held = made));
    }
    held.uses++;
    return held;
  }

  async #opened(extension: string, folder: GrantedFolder): Promise<OpenFolder> {
    const { name, path } = folder;
    // Its own folder and the workspace are the host's to make; another one is the owner's.
    if (!name.startsWith("/")) await mkdir(path, { recursive: true, mode: 0o700 });
    const root = await OpenFolder.root(path);
    try {
      assertGrantable(extension, this.#home, folder, root.fd);
      return root;
    } catch (thrown) {
      await root.close();
      throw thrown;
    }
  }

  #drop(key: string, held: Held): void {
    if (this.#held.get(key) === held) this.#held.delete(key);
    held.dropped = true;
    this.#closeUnused(held);
  }

  #closeUnused(held: Held): void {
    if (held.dropped && held.uses === 0) held.opening.then((root) => root.close()).catch(() => {});
  }
}
