import type { TranscriptEntry } from "@plinth/sdk";

export type Body = TranscriptEntry["body"];

/** Stores a run's messages as they come, one append for all of the same tick, in order. */
export class TranscriptWriter {
  readonly #append: (bodies: Body[]) => Promise<unknown>;
  readonly #failed: (error: unknown) => void;
  #pending: Body[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #written: Promise<void> = Promise.resolve();
  #error: unknown;

  /** @param failed is told once when something could not be stored; `flush` throws it as well. */
  constructor(append: (bodies: Body[]) => Promise<unknown>, failed: (error: unknown) => void) {
    this.#append = append;
    this.#failed = failed;
  }

  get error(): unknown {
    return this.#error;
  }

  add(body: Body): void {
    this.#pending.push(body);
    this.#scheduled ??= setImmediate(() => void this.flush().catch(() => {}));
  }

  /** Resolves when everything that was added is stored. */
  async flush(): Promise<void> {
    this.#cancel();
    this.#written = this.#written.then(() => this.#write());
    await this.#written;
    if (this.#error !== undefined) throw this.#error;
  }

  /** What is not stored yet, for whoever stores it instead; all that came before it is. */
  async rest(): Promise<Body[]> {
    this.#cancel();
    await this.#written;
    if (this.#error !== undefined) throw this.#error;
    const rest = this.#pending;
    this.#pending = [];
    return rest;
  }

  #cancel(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0 || this.#error !== undefined) return;
    const bodies = this.#pending;
    this.#pending = [];
    try {
      await this.#append(bodies);
    } catch (error) {
      this.#error = error;
      this.#failed(error);
    }
  }
}
