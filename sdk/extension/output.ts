/** Bytes that wait for their reader before more is taken; and of what nobody reads yet. */
const MAX_WAITING = 256 * 1024;
const MAX_KEPT = 64 * 1024;

/** One stream of a program's output, read once, in order. */
export class Output implements AsyncIterable<Uint8Array> {
  readonly #unread: "waits" | "drops";
  #held: Uint8Array[] = [];
  #bytes = 0;
  #reading = false;
  #dropped = false;
  #over = false;
  #failure: unknown;
  #wake: () => void = () => {};
  #taken: () => void = () => {};

  /** @param unread what happens with it until somebody reads it. */
  constructor(unread: "waits" | "drops") {
    this.#unread = unread;
  }

  push(chunk: Uint8Array): void {
    if (this.#dropped) return;
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#unread === "drops" && !this.#reading) {
      while (this.#bytes - (this.#held[0]?.length ?? 0) >= MAX_KEPT) this.#shift();
    }
    this.#wake();
  }

  /** Resolves when it may go on. */
  async room(): Promise<void> {
    while (this.#bytes > MAX_WAITING && !this.#dropped) {
      await new Promise<void>((resolve) => {
        this.#taken = resolve;
      });
    }
  }

  end(failure?: unknown): void {
    this.#over = true;
    this.#failure = failure;
    this.#wake();
  }

  /** Nobody reads what is still to come. */
  drop(): void {
    this.#dropped = true;
    this.#held = [];
    this.#bytes = 0;
    this.#taken();
    this.#wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.#reading = true;
    return {
      next: async () => {
        for (;;) {
          const chunk = this.#shift();
          if (chunk !== undefined) return { done: false, value: chunk };
          if (this.#dropped) return { done: true, value: undefined };
          if (this.#over && this.#failure !== undefined) throw this.#failure;
          if (this.#over) return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      return: async () => {
        this.drop();
        return { done: true, value: undefined };
      },
    };
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#held.shift();
    if (chunk === undefined) return undefined;
    this.#bytes -= chunk.length;
    this.#taken();
    return chunk;
  }
}
