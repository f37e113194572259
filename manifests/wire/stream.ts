import type { PlinthError } from "./error.ts";
import { WIRE } from "./protocol.ts";

/** The receiving end of a stream: buffers at most its credit, gives new credit as items are taken. */
export class Inbox implements AsyncIterableIterator<unknown> {
  readonly #send: { credit(n: number): void; cancel(): void };
  #items: unknown[] = [];
  #waiting: { resolve(step: IteratorResult<unknown>): void; reject(error: unknown): void } | null = null;
  #taken = 0;
  #credit: number = WIRE.streamCredits;
  #over = false;
  #error: PlinthError | null = null;
  onOver: (() => void) | null = null;

  constructor(send: { credit(n: number): void; cancel(): void }) {
    this.#send = send;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** False when the sender ignored its credit. */
  push(item: unknown): boolean {
    if (this.#over) return true;
    if (this.#credit === 0) return false;
    this.#credit--;
    if (this.#waiting !== null) {
      const { resolve } = this.#waiting;
      this.#waiting = null;
      this.#took();
      resolve({ done: false, value: item });
    } else this.#items.push(item);
    return true;
  }

  end(): void {
    this.#finish();
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = null;
  }

  fail(error: PlinthError, cancel: boolean): void {
    if (this.#over) return;
    this.#error = error;
    if (cancel) {
      this.#items = [];
      this.#send.cancel();
    }
    this.#finish();
    if (this.#waiting !== null) {
      const { reject } = this.#waiting;
      this.#waiting = null;
      this.#error = null;
      reject(error);
    }
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      this.#took();
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<unknown>> {
    if (!this.#over) {
      this.#send.cancel();
      this.#items = [];
      this.end();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  #took(): void {
    this.#taken++;
    if (this.#over || this.#taken < WIRE.streamCredits / 2) return;
    this.#credit += this.#taken;
    this.#send.credit(this.#taken);
    this.#taken = 0;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.onOver?.();
  }
}
