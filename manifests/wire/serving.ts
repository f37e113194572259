import { WIRE } from "./protocol.ts";

const MOST_CREDIT = 65_536;

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
  #wake: (() => void) | null = null;

  constructor(turn: string, weight: number) {
    this.turn = turn;
    this.weight = weight;
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
    for (const bytes of this.#sent.splice(0, items)) this.#bytes -= bytes;
    this.#wake?.();
  }

  cancel(reason: unknown): void {
    this.abort.abort(reason);
    this.#wake?.();
  }

  /** Until its consumer can take one more item, or wants none. A small window: what nobody reads stays where it comes from. */
  async room(): Promise<void> {
    while ((this.#credits <= 0 || this.#bytes >= WIRE.streamBytes) && !this.over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  get hasRoom(): boolean {
    return this.#credits > 0 && this.#bytes < WIRE.streamBytes && !this.over;
  }
}
