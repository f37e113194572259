import type { DownloadStore } from "./storage/index.ts";

const FLUSH_MS = 5_000;
const MAX_PENDING = 50_000;

/** Counts downloads in memory and writes them down now and then, so that no read waits for the database. */
export class Downloads {
  readonly #store: DownloadStore;
  readonly #now: () => number;
  readonly #failed: (error: unknown) => void;
  #pending = new Map<string, { id: string; version: string; day: string; count: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: DownloadStore, now: () => number, failed: (error: unknown) => void) {
    this.#store = store;
    this.#now = now;
    this.#failed = failed;
  }

  count(id: string, version: string): void {
    const day = new Date(this.#now()).toISOString().slice(0, 10);
    const key = `${id} ${version} ${day}`;
    const entry = this.#pending.get(key);
    if (entry !== undefined) entry.count += 1;
    else if (this.#pending.size < MAX_PENDING) this.#pending.set(key, { id, version, day, count: 1 });
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    const counts = this.#pending;
    this.#pending = new Map();
    await this.#store.add(counts.values()).catch(this.#failed);
  }
}
