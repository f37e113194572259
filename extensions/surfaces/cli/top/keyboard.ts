/** Single keys of the terminal that this process was started in. */
export class Keyboard {
  readonly #keys: string[] = [];
  readonly #onData = (data: Buffer | string): void => {
    const text = String(data);
    // Arrows and their like begin with the escape key's code and are none of our keys.
    if (text.length === 1 || !text.startsWith("\u001b")) this.#keys.push(...text);
    this.#wake?.();
  };
  #wake: (() => void) | undefined;

  constructor() {
    process.stdin.setRawMode(true);
    process.stdin.on("data", this.#onData);
    process.stdin.resume();
  }

  /** The next key, or undefined when none came in time. */
  async next(ms: number, signal: AbortSignal): Promise<string | undefined> {
    if (this.#keys.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", this.#wake, { once: true });
      });
      if (this.#wake !== undefined) signal.removeEventListener("abort", this.#wake);
      this.#wake = undefined;
    }
    return this.#keys.shift();
  }

  close(): void {
    process.stdin.off("data", this.#onData);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}
