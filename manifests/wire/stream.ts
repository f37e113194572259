import type { PlinthError } from "./error.ts";
import { type Held, weigh } from "./held.ts";
import { WIRE } from "./protocol.ts";

/** The receiving end of a stream: buffers at most its credit, gives new credit as items are taken. */
export class Inbox implements AsyncIterableIterator<unknown> {
  readonly #send: { credit(n: number): void; cancel(): void };
  readonly #held: Held;
  #items: { item: unknown; bytes: number }[] = [];
  #waiting: { resolve(step: IteratorResult<unknown>): void; reject(error: unknown): void } | null = null;
  #taken = 0;
  #takenBytes = 0;
  #credit: number = WIRE.streamCredits;
  #over = false;
  #error: PlinthError | null = null;
  onOver: (() => void) | null = null;

  constructor(send: { credit(n: number): void; cancel(): void }, held: Held) {
    this.#send = send;
    this.#held = held;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `most`: what the item came in, in bytes. Items that nobody waits for are kept where there is room for them. */
  push(item: unknown, most: number): "taken" | "no credit" | "no room" {
    if (this.#over) return "taken";
    if (this.#credit === 0) return "no credit";
    this.#credit--;
    if (this.#waiting !== null) {
      const { resolve } = this.#waiting;
      this.#waiting = null;
      this.#took(item);
      resolve({ done: false, value: item });
      return "taken";
    }
    const bytes = weigh(item, most);
    if (!this.#held.take(bytes)) return "no room";
    this.#items.push({ item, bytes });
    return "taken";
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
      this.#drop();
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
    const first = this.#items.shift();
    if (first !== undefined) {
      this.#held.give(first.bytes);
      this.#took(first.item);
      return Promise.resolve({ done: false, value: first.item });
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
      this.end();
    }
    this.#drop();
    return Promise.resolve({ done: true, value: undefined });
  }

  #took(item: unknown): void {
    this.#taken++;
    this.#takenBytes += weigh(item, WIRE.creditBytes);
    if (this.#over || (this.#taken < WIRE.streamCredits / 2 && this.#takenBytes < WIRE.creditBytes)) return;
    this.#credit += this.#taken;
    this.#send.credit(this.#taken);
    this.#taken = 0;
    this.#takenBytes = 0;
  }

  #drop(): void {
    for (const { bytes } of this.#items.splice(0)) this.#held.give(bytes);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.onOver?.();
  }
}
