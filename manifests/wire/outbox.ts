import type { PlinthError } from "./error.ts";
import { raised } from "./peer-errors.ts";
import { WIRE, type WireMessage } from "./protocol.ts";
import type { Transport } from "./transport.ts";

/** Errors and short answers are let through: there are never more of them than calls. */
const SMALL = 1_024;
/** What it takes to make a short answer text; a look at the clock would take as long. Long ones are measured: bytes are ten times cheaper than text. */
const ANSWER_MS = 0.001;
const CHARACTER_MS = 2e-6;
const MAX_BYTES = WIRE.maxFrameBytes - 16;

/** What goes out: messages of one tick travel in one frame, up to a byte cap. */
export class Outbox {
  readonly #transport: Transport;
  readonly #owner: string;
  readonly #spend: ((ms: number) => void) | null;
  #queue: string[] = [];
  #queued = 0;
  /** How much of it are answers. */
  #answers = 0;
  /** What it took to make them text. */
  #costMs = 0;
  #flushing = false;
  #closed = false;

  /** @param spend told how long answers took to be written, in milliseconds: the other side made this one do it. */
  constructor(transport: Transport, owner: string, spend: ((ms: number) => void) | null) {
    this.#transport = transport;
    this.#owner = owner;
    this.#spend = spend;
  }

  /** Bytes that the other side has not read yet. */
  get waiting(): number {
    return this.#closed ? 0 : this.#transport.unsent + this.#queued;
  }

  /** How much was queued, or why it cannot be sent. */
  post(message: WireMessage, answer: boolean): number | PlinthError {
    const measured = answer && this.#spend !== null;
    const began = measured ? performance.now() : 0;
    let text: string;
    try {
      text = JSON.stringify(message);
    } catch {
      return raised(this.#owner).payload("it is not JSON data");
    }
    const tookMs = measured ? performance.now() - began : 0;
    const { length } = text;
    const bytes = this.#bytesOf(text);
    if (bytes > MAX_BYTES) return raised(this.#owner).payload(`a message of ${bytes} bytes is over the limit`);
    if (answer && length > SMALL && this.waiting + length > WIRE.maxHeldBytes) return raised(this.#owner).full();
    if (this.#queued + length > WIRE.batchBytes && this.#queue.length > 0) this.#flush();
    this.#queue.push(text);
    this.#queued += length;
    if (answer) {
      this.#answers += length;
      this.#costMs += measured && length > SMALL ? tookMs : ANSWER_MS + length * CHARACTER_MS;
    }
    if (this.#flushing) return length;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
    return length;
  }

  /** As far as it matters: what has too many characters is over the limit, what has few is not, and neither is counted. */
  #bytesOf(text: string): number {
    return text.length > MAX_BYTES || text.length <= MAX_BYTES / 3 ? text.length : this.#transport.bytes(text);
  }

  close(): void {
    this.#closed = true;
    [this.#queue, this.#queued, this.#answers] = [[], 0, 0];
    this.#transport.close();
  }

  #flush(): void {
    if (this.#queue.length === 0 || this.#closed) return;
    const [batch, share] = [this.#queue, this.#answers / this.#queued];
    [this.#queue, this.#queued, this.#answers] = [[], 0, 0];
    if (this.#spend === null || share === 0) return this.#transport.send(batch);
    const began = performance.now();
    this.#transport.send(batch);
    this.#spend((performance.now() - began) * share + this.#costMs);
    this.#costMs = 0;
  }
}
