/** A token bucket: so much at once, so much a second after that. Its source: ITU-T I.371, as a continuous leaky bucket. */
export class Bucket {
  readonly #perMs: number;
  readonly #size: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1_000;
    this.#size = burst;
    this.#left = burst;
  }

  /** Take `amount` if it is there. */
  take(amount: number): boolean {
    this.#fill();
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }

  /** Take one, even in advance: how many milliseconds until it would have been there. */
  owe(): number {
    this.#fill();
    this.#left--;
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs;
  }

  #fill(): void {
    const now = performance.now();
    this.#left = Math.min(this.#size, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
