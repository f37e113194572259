import type { Clock } from "@plinth/sdk";

/** However much is said, it is answered after so many pauses. */
const MOST = 10;

/** Waits until nothing was said for a while. */
export class Pause {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #latest: number;
  #until: number;
  #over = new AbortController();

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
    this.#latest = clock.now() + ms * MOST;
    this.#until = clock.now() + ms;
  }

  get open(): boolean {
    return !this.#over.signal.aborted && this.#clock.now() < this.#until;
  }

  extend(): void {
    this.#until = Math.min(this.#latest, this.#clock.now() + this.#ms);
  }

  flush(): void {
    this.#over.abort();
  }

  async end(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#over.signal]);
    while (this.open) {
      signal.throwIfAborted();
      await this.#clock.sleep(this.#until - this.#clock.now(), either).catch(() => {});
    }
    signal.throwIfAborted();
    this.flush();
  }
}
