/** So many at a time, the others in their order. */
export class Lane {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves to what leaves it again. @throws the signal's reason */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken >= this.#most) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = (): void => {
        const at = this.#waiting.indexOf(resolve);
        // It is its turn already: it leaves as whoever has entered does.
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      this.#waiting.push(resolve);
      signal.addEventListener("abort", abort, { once: true });
      await promise.finally(() => signal.removeEventListener("abort", abort));
    } else this.#taken++;
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken--;
      else next();
    };
  }
}
