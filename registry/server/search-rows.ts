import type { PackageIndex } from "@plinth/manifests";
import { type RegistryFolder, searchRowOf } from "../registry-folder.ts";
import type { SearchRow } from "../search.ts";
import type { PendingStore } from "./storage/index.ts";

const WAIT_MS = 1_000;
/** A large search.json takes long to write; most of the time must stay for other things. */
const PAUSE_FACTOR = 20;

interface SearchRowsOptions {
  folder: RegistryFolder;
  pending: PendingStore;
  locked(body: () => Promise<void>): Promise<void>;
  changed(): void;
  failed(error: unknown): void;
}

/** Writes search.json once for many changes. What is not written yet is in the database, so that a crash loses nothing. */
export class SearchRows {
  readonly #options: SearchRowsOptions;
  #rows = new Map<string, SearchRow | undefined>();
  /** Packages whose change has begun: their rows are not known yet. */
  readonly #underway = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SearchRowsOptions) {
    this.#options = options;
  }

  /** Before anything of a package is changed. */
  async begin(id: string): Promise<void> {
    this.#underway.add(id);
    await this.#options.pending.add(id);
  }

  change(index: PackageIndex): void {
    this.#underway.delete(index.id);
    this.#rows.set(index.id, searchRowOf(index));
    this.#timer ??= setTimeout(() => void this.flush().catch(this.#options.failed), WAIT_MS + this.#lastMs * PAUSE_FACTOR).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#rows.size === 0) return;
    const rows = this.#rows;
    this.#rows = new Map();
    const began = performance.now();
    try {
      await this.#options.locked(() => this.#options.folder.updateSearch(rows));
      await this.#options.pending.remove([...rows.keys()].filter((id) => !this.#rows.has(id) && !this.#underway.has(id)));
    } catch (error) {
      // Kept for the next time, under what changed since.
      this.#rows = new Map([...rows, ...this.#rows]);
      throw error;
    }
    this.#lastMs = performance.now() - began;
    this.#options.changed();
  }
}
