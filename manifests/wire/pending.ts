import type { Aborts } from "./bridge.ts";

/** A call that waits for its answer. It listens to its signal itself: most calls have one, and few are aborted. */
export class Pending implements EventListenerObject {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly turn: string | null;
  signal: Aborts | undefined;
  #onAbort: ((signal: Aborts) => void) | undefined;

  constructor(resolve: (value: unknown) => void, reject: (error: unknown) => void, turn: string | null) {
    this.resolve = resolve;
    this.reject = reject;
    this.turn = turn;
  }

  follow(signal: Aborts, onAbort: (signal: Aborts) => void): void {
    this.signal = signal;
    this.#onAbort = onAbort;
    signal.addEventListener("abort", this);
  }

  handleEvent(): void {
    if (this.signal !== undefined) this.#onAbort?.(this.signal);
  }

  settled(): void {
    this.signal?.removeEventListener("abort", this);
  }
}
