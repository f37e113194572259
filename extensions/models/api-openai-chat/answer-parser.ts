import { EventStreamParser } from "@plinth/sdk/kits/model-api";

const LONGEST = 32 * 1024 * 1024;

/** An event stream; or one JSON object, of a server that says that it streams and does not. */
export class AnswerParser {
  readonly #events = new EventStreamParser();
  readonly #decoder = new TextDecoder();
  #json: string[] | undefined;
  #length = 0;
  #begun = false;

  push(chunk: Uint8Array): string[] {
    if (!this.#begun) {
      const first = chunk.find((byte) => byte > 32);
      this.#begun = first !== undefined;
      if (first === OPEN) this.#json = [];
    }
    if (this.#json === undefined) return this.#events.push(chunk);
    this.#length += chunk.length;
    if (this.#length <= LONGEST) this.#json.push(this.#decoder.decode(chunk, { stream: true }));
    return [];
  }

  /** What is left at the end: the object, or the last event where the server did not end it. */
  finish(): string[] {
    return this.#json === undefined ? this.#events.push(END) : [this.#json.join("")];
  }
}

/** The code of `{`. */
const OPEN = 123;
const END = new TextEncoder().encode("\n\n");
