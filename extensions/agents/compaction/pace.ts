import { setImmediate as breathe } from "node:timers/promises";

const SLICE_MS = 4;

/** Work over a long conversation, in slices: nobody else waits for it. */
export class Pace {
  #since = performance.now();

  /** To be awaited between two pieces of work. */
  async step(): Promise<void> {
    if (performance.now() - this.#since <= SLICE_MS) return;
    await breathe();
    this.#since = performance.now();
  }
}
