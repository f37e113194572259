import { PlinthError } from "../../extension/errors.ts";

const LINE_LIMIT = 8 * 1024 * 1024;

/** JSON texts, one a line (NDJSON), incrementally: bytes in, complete lines out. Chunks may be cut anywhere; empty lines are skipped, and what is not UTF-8 becomes U+FFFD. */
export class LineParser {
  readonly #decoder = new TextDecoder();
  readonly #limit: number;
  #pieces: string[] = [];
  #pending = 0;

  constructor(limit = LINE_LIMIT) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): string[] {
    return this.#take(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The last line, which may have no end. */
  finish(): string[] {
    return this.#take(`${this.#decoder.decode()}\n`);
  }

  #take(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#keep(text.slice(start, end));
      const line = this.#pieces.join("").trim();
      this.#pieces = [];
      this.#pending = 0;
      if (line !== "") lines.push(line);
      start = end + 1;
    }
    if (start < text.length) this.#keep(text.slice(start));
    return lines;
  }

  #keep(piece: string): void {
    this.#pending += piece.length;
    if (this.#pending > this.#limit) {
      throw new PlinthError("PLINTH_MODEL_STREAM", `One line of the answer is longer than ${this.#limit} characters.`, {
        next: "Ask for less at once, or use another model.",
      });
    }
    this.#pieces.push(piece);
  }
}
