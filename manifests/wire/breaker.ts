/** Opens after several failures in a row, lets one call through after a pause, closes when that one succeeds. */
export class Breaker {
  #failures = 0;
  #openUntil = 0;
  readonly #threshold: number;
  readonly #pauseMs: number;

  constructor(threshold = 5, pauseMs = 10_000) {
    this.#threshold = threshold;
    this.#pauseMs = pauseMs;
  }

  /** Whether a call may go through now. */
  allows(): boolean {
    if (this.#failures < this.#threshold) return true;
    if (Date.now() < this.#openUntil) return false;
    // One call a pause, whatever becomes of it: a probe that never reports back must not keep it open for good.
    this.#openUntil = Date.now() + this.#pauseMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures++;
    if (this.#failures >= this.#threshold) this.#openUntil = Date.now() + this.#pauseMs;
  }

  get open(): boolean {
    return this.#failures >= this.#threshold;
  }
}
