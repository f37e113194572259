/** What a program asked for, and whether it was refused; or so many bytes that went either way. */
export interface Reach {
  reached: { what: string; bytes: number; refused?: unknown };
}

/** Requests, and bytes, that nobody has taken note of yet: more wait. */
const MAX_HELD = 64;
const MAX_BYTES = 1_048_576;
const TOLD_AT = 65_536;

/** What goes through a proxy, told to whoever counts it before more of it goes. */
export class Meter {
  readonly #held: Reach["reached"][] = [];
  #bytes = 0;
  #wake: () => void = () => {};
  #room: (() => void)[] = [];

  async tell(reached: Reach["reached"]): Promise<void> {
    while (this.#held.length >= MAX_HELD) await this.#space();
    this.#held.push(reached);
    this.#wake();
  }

  async count(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes >= TOLD_AT) this.#wake();
    while (this.#bytes >= MAX_BYTES) await this.#space();
  }

  async *items(signal: AbortSignal): AsyncGenerator<Reach> {
    const stop = (): void => this.#wake();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        const [next, bytes] = [this.#held.shift(), this.#bytes];
        if (next !== undefined) yield { reached: next };
        else if (bytes >= TOLD_AT) {
          this.#bytes = 0;
          yield { reached: { what: "", bytes } };
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        for (const go of this.#room.splice(0)) go();
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #space(): Promise<void> {
    return new Promise((resolve) => this.#room.push(resolve));
  }
}
