import { PlinthError } from "../../extension/errors.ts";

const LINE_LIMIT = 8 * 1024 * 1024;

/**
 * The `text/event-stream` format of the HTML standard, incrementally: bytes in, the data of complete events out.
 * Chunks may be cut anywhere, even inside a character or between CR and LF; what is not UTF-8 becomes U+FFFD. Event names, ids and retry times are
 * skipped: what models' servers send says in its data what it is.
 */
export class EventStreamParser {
  readonly #decoder = new TextDecoder();
  readonly #lineLimit: number;
  /** Pieces of the line whose end has not come yet; joined once, so that long lines stay linear. */
  #pieces: string[] = [];
  #pending = 0;
  #data: string | undefined;
  #skipLineFeed = false;

  constructor(lineLimit = LINE_LIMIT) {
    this.#lineLimit = lineLimit;
  }

  /** Take the next bytes; returns the data of each event that they complete. */
  push(chunk: Uint8Array): string[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const events: string[] = [];
    let start = 0;
    if (this.#skipLineFeed && text.length > 0) {
      if (text.charCodeAt(0) === 10) start = 1;
      this.#skipLineFeed = false;
    }
    // Most servers never send CR: it is looked for once a chunk, not once a line.
    let carriage = text.indexOf("\r", start);
    for (;;) {
      const feed = text.indexOf("\n", start);
      if (carriage >= 0 && carriage < start) carriage = text.indexOf("\r", start);
      const end = carriage >= 0 && (feed < 0 || carriage < feed) ? carriage : feed;
      if (end < 0) break;
      // What names an event, and is no data, need not be cut out.
      if (this.#pieces.length > 0 || !isPassed(text, start, end)) this.#line(this.#complete(text.slice(start, end)), events);
      else this.#bound(end - start + (this.#data?.length ?? 0));
      start = end + 1;
      if (end === carriage) {
        if (text.charCodeAt(start) === 10) start++;
        else if (start === text.length) this.#skipLineFeed = true;
      }
    }
    if (start < text.length) this.#keep(start === 0 ? text : text.slice(start));
    return events;
  }

  #keep(piece: string): void {
    this.#pending += piece.length;
    this.#bound(this.#pending);
    this.#pieces.push(piece);
  }

  #complete(last: string): string {
    if (this.#pieces.length === 0) return last;
    this.#pieces.push(last);
    const line = this.#pieces.join("");
    this.#pieces = [];
    this.#pending = 0;
    return line;
  }

  #line(line: string, events: string[]): void {
    this.#bound(line.length + (this.#data?.length ?? 0));
    if (line === "") {
      if (this.#data !== undefined) events.push(this.#data);
      this.#data = undefined;
    } else if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === 32 ? 6 : 5);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (line === "data") {
      this.#data = this.#data === undefined ? "" : `${this.#data}\n`;
    }
  }

  #bound(length: number): void {
    if (length <= this.#lineLimit) return;
    throw new PlinthError("PLINTH_MODEL_STREAM", `One event of the answer is longer than ${this.#lineLimit} characters.`, {
      next: "Ask for less at once, or use another model.",
    });
  }
}

const D = 100;
/** A line that is neither empty nor data. */
const isPassed = (text: string, start: number, end: number): boolean => start < end && text.charCodeAt(start) !== D;
