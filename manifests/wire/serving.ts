import { WIRE } from "./protocol.ts";

const MOST_CREDIT = 65_536;

/** What streams that are read may be further ahead than others, all of one connection together. */
export class Ahead {
  #left: number = WIRE.aheadBytes;

  /** Another window's worth, where there is one. */
  take(): number {
    const more = this.#left >= WIRE.streamBytes ? WIRE.streamBytes : 0;
    this.#left -= more;
    return more;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** A call of the other side that is under way here; a stream with what its consumer has not taken yet. */
export class Serving {
  readonly abort = new AbortController();
  readonly turn: string;
  /** What its parameters take. */
  readonly weight: number;
  #credits: number = WIRE.streamCredits;
  /** Sizes of the items that were sent and not taken, oldest first. */
  readonly #sent: number[] = [];
  #bytes = 0;
  readonly #ahead: Ahead | null;
  #window: number = WIRE.streamBytes;
  /** Bytes that its consumer took since the window was made wider. */
  #taken = 0;
  #wake: (() => void) | null = null;

  /** @param ahead where a stream that is read may have a wider window: else each window is a way there and back. */
  constructor(turn: string, weight: number, ahead: Ahead | null = null) {
    this.turn = turn;
    this.weight = weight;
    this.#ahead = ahead;
  }

  get over(): boolean {
    return this.abort.signal.aborted;
  }

  /** One item has left for its consumer. */
  sent(bytes: number): void {
    this.#credits--;
    this.#sent.push(bytes);
    this.#bytes += bytes;
  }

  /** Its consumer took some. */
  credit(items: number): void {
    this.#credits = Math.min(this.#credits + items, MOST_CREDIT);
    for (const bytes of this.#sent.splice(0, items)) {
      this.#bytes -= bytes;
      this.#taken += bytes;
    }
    // Who took twice what it may be sent is a reader, and gets more at a time.
    if (this.#ahead !== null && this.#taken >= 2 * this.#window && this.#window < WIRE.widestBytes) {
      this.#window += this.#ahead.take();
      this.#taken = 0;
    }
    this.#wake?.();
  }

  /** Nothing more is sent. */
  ended(): void {
    this.#ahead?.give(this.#window - WIRE.streamBytes);
    this.#window = WIRE.streamBytes;
  }

  cancel(reason: unknown): void {
    this.abort.abort(reason);
    this.#wake?.();
  }

  /** Until its consumer can take one more item, or wants none. A small window: what nobody reads stays where it comes from. */
  async room(): Promise<void> {
    while ((this.#credits <= 0 || this.#bytes >= this.#window) && !this.over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  get hasRoom(): boolean {
    return this.#credits > 0 && this.#bytes < this.#window && !this.over;
  }
}
