import type { SpeechRequest } from "../../extension/index.ts";
import type { SpokenTiming } from "./speaking.ts";

/** Finds words, of which a server says when they are heard, in the lines that it was given, one after the other. */
export class SpokenWords {
  readonly #lines: readonly string[];
  #line = 0;
  #from = 0;
  #last = 0;

  constructor(lines: SpeechRequest["lines"]) {
    this.#lines = lines.map(({ text }) => text);
  }

  /** @returns undefined for what does not stand there, such as a number in words */
  place(word: string, start: number, end: number): SpokenTiming | undefined {
    const said = word.trim();
    if (said === "" || ![start, end].every((second) => Number.isFinite(second) && second >= 0)) return undefined;
    for (let line = this.#line; line < this.#lines.length; line++) {
      const from = this.#lines[line]!.indexOf(said, line === this.#line ? this.#from : 0);
      if (from < 0) continue;
      [this.#line, this.#from] = [line, from + said.length];
      this.#last = Math.max(this.#last, start);
      return { type: "timing", line, from, to: from + said.length, start: this.#last, end: Math.max(this.#last, end) };
    }
    return undefined;
  }
}
