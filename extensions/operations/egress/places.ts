import { overBudget } from "./address.ts";

/** How many of something each extension may have at one time. */
export class Places {
  readonly #most: number;
  readonly #what: string;
  readonly #taken = new Map<string, number>();

  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /** A place for as long as `body` runs. */
  async *hold<T>(extension: string, body: AsyncIterable<T>): AsyncGenerator<T> {
    const taken = this.#taken.get(extension) ?? 0;
    if (taken >= this.#most) throw overBudget(extension, `${this.#most} ${this.#what} at one time`, "Wait for some to end.");
    this.#taken.set(extension, taken + 1);
    try {
      yield* body;
    } finally {
      const left = (this.#taken.get(extension) ?? 1) - 1;
      if (left === 0) this.#taken.delete(extension);
      else this.#taken.set(extension, left);
    }
  }
}
