import type { Run } from "./run.ts";

/** The runs that can be followed by their id: all that are not over, and the newest ones that are. */
export class RecentRuns {
  readonly #runs = new Map<string, Run>();
  readonly #limit: number;
  readonly #maxChars: number;

  constructor(limit = 1_000, maxChars = 4 * 1024 * 1024) {
    this.#limit = limit;
    this.#maxChars = maxChars;
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  add(run: Run): void {
    this.#runs.set(run.id, run);
    if (this.#runs.size <= this.#limit) return;
    this.#trim();
  }

  /** As if it had never been asked for. */
  forget(run: Run): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
  }

  [Symbol.iterator](): MapIterator<Run> {
    return this.#runs.values();
  }

  /** Makes room for a while, so that not every message walks over all of them. */
  #trim(): void {
    let chars = 0;
    for (const run of this.#runs.values()) chars += run.size;
    const surplus = this.#limit / 10;
    for (const run of this.#runs.values()) {
      if (this.#runs.size <= this.#limit - surplus && chars <= this.#maxChars) return;
      if (!run.over) continue;
      chars -= run.size;
      this.#runs.delete(run.id);
    }
  }
}
