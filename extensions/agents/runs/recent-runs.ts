import type { Run } from "./run.ts";

/** The runs that can be followed by their id: all that are not over, and the newest ones that are. */
export class RecentRuns {
  readonly #runs = new Map<string, Run>();
  readonly #limit: number;
  readonly #maxChars: number;
  #added = 0;

  constructor(limit = 1_000, maxChars = 4 * 1024 * 1024) {
    this.#limit = limit;
    this.#maxChars = maxChars;
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  add(run: Run): void {
    this.#runs.set(run.id, run);
    // Sizes are known only when runs are over, so they are looked at now and then.
    if (++this.#added % 64 === 0) this.#trim();
    else if (this.#runs.size > this.#limit) this.#drop((size) => size > this.#limit);
  }

  /** As if it had never been asked for. */
  forget(run: Run): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
  }

  #trim(): void {
    let chars = 0;
    for (const run of this.#runs.values()) chars += run.size;
    this.#drop((size, dropped) => size > this.#limit || chars - dropped > this.#maxChars);
  }

  /** The oldest that are over, as long as there are too many. */
  #drop(tooMany: (size: number, dropped: number) => boolean): void {
    let dropped = 0;
    for (const run of this.#runs.values()) {
      if (!tooMany(this.#runs.size, dropped)) return;
      if (!run.over) continue;
      dropped += run.size;
      this.#runs.delete(run.id);
    }
  }
}
