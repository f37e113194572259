import type { ContentPart } from "@plinth/sdk";

interface Word {
  readonly content: ContentPart[];
  readonly settle: (taken: boolean) => void;
}

/** What is said into a running turn: each message is taken in where the harness says so, or not at all. */
export class Steering {
  readonly #hand: (content: ContentPart[]) => Promise<"now" | "next" | "no">;
  readonly #handed: Word[] = [];
  #over = false;

  constructor(hand: (content: ContentPart[]) => Promise<"now" | "next" | "no">) {
    this.#hand = hand;
  }

  /** True once it is in the transcript; false when the turn went on, or ended, without it. */
  async offer(content: ContentPart[]): Promise<boolean> {
    if (this.#over) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const word: Word = { content, settle: resolve };
    // Before it is handed over: the harness can be faster than its answer.
    this.#handed.push(word);
    const taken = await this.#hand(content).catch(() => "no" as const);
    if (taken === "no" && this.#handed.includes(word)) {
      this.#handed.splice(this.#handed.indexOf(word), 1);
      resolve(false);
    }
    return promise;
  }

  /** The harness took in the next one: what the person said, whatever the harness makes of it. */
  next(): Word | undefined {
    return this.#handed.shift();
  }

  close(): void {
    this.#over = true;
    for (const { settle } of this.#handed.splice(0)) settle(false);
  }
}
