import { PlinthError, type TurnEvent } from "@plinth/sdk";

/** One event of one run, and where to go on after it. */
export interface FeedItem {
  cursor: string;
  sessionKey: string;
  runId: string;
  event: TurnEvent;
}

const MAX_ITEMS = 4_096;
const MAX_CHARS = 2_000_000;

/** The newest events of all turns, so that any number of watchers see a session as it goes, and go on where they stopped. */
export class Feed {
  readonly #epoch = Date.now().toString(36);
  #items: FeedItem[] = [];
  #sizes: number[] = [];
  /** Number of the first item. */
  #first = 0;
  #chars = 0;
  #waiting: (() => void)[] = [];

  add(sessionKey: string, runId: string, event: TurnEvent, size: number): void {
    const cursor = `${this.#epoch}.${(this.#first + this.#items.length).toString(36)}`;
    this.#items.push({ cursor, sessionKey, runId, event });
    this.#sizes.push(size);
    this.#chars += size;
    if (this.#items.length > MAX_ITEMS || this.#chars > MAX_CHARS) this.#trim();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * @param wanted what to show.
   * @param begins without a cursor: what to begin with. Everything after it that is wanted is shown.
   */
  async *follow(
    after: string | undefined,
    wanted: (item: FeedItem) => boolean,
    begins: (item: FeedItem) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<FeedItem, void> {
    let at = after === undefined ? this.#start(begins) : this.#number(after) + 1;
    const wake = (): void => {
      for (const one of this.#waiting.splice(0)) one();
    };
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted) {
        if (at < this.#first) throw gone();
        const item = this.#items[at - this.#first];
        if (item === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        else {
          at++;
          if (wanted(item)) yield item;
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** Where to go on after all that there is. */
  get end(): string {
    return `${this.#epoch}.${(this.#first + this.#items.length - 1).toString(36)}`;
  }

  holds(begins: (item: FeedItem) => boolean): boolean {
    return this.#items.some(begins);
  }

  #start(begins: (item: FeedItem) => boolean): number {
    const found = this.#items.findIndex(begins);
    return this.#first + (found < 0 ? this.#items.length : found);
  }

  #number(cursor: string): number {
    const [epoch, number = ""] = cursor.split(".");
    const at = Number.parseInt(number, 36);
    if (epoch !== this.#epoch || !Number.isSafeInteger(at) || at < this.#first - 1 || at >= this.#first + this.#items.length) throw gone();
    return at;
  }

  #trim(): void {
    const surplus = Math.max(this.#items.length - MAX_ITEMS / 2, this.#items.length >> 1);
    this.#items = this.#items.slice(surplus);
    for (const size of this.#sizes.splice(0, surplus)) this.#chars -= size;
    this.#first += surplus;
  }
}

const gone = (): PlinthError =>
  new PlinthError("PLINTH_CURSOR_GONE", "What came after this cursor is not kept any more.", {
    next: "Read the session's history, then follow without a cursor.",
  });
