/** Opens after several failures in a row, lets one call through after a pause, closes when that one succeeds. */
export class Breaker {
  #failures = 0;
  #openUntil = 0;
  #probing = false;
  readonly #threshold: number;
  readonly #pauseMs: number;

  constructor(threshold = 5, pauseMs = 10_000) {
    this.#threshold = threshold;
    this.#pauseMs = pauseMs;
  }

  /** Whether a call may go through now. */
  allows(): boolean {
    if (this.#failures < this.#threshold) return true;
    if (this.#probing || Date.now() < this.#openUntil) return false;
    this.#probing = true;
    return true;
  }

  succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#probing = false;
  }

  failed(): void {
    this.#failures++;
    this.#probing = false;
    if (this.#failures >= this.#threshold) this.#openUntil = Date.now() + this.#pauseMs;
  }

  get open(): boolean {
    return this.#failures >= this.#threshold;
  }
}
