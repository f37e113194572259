import { failure } from "@plinth/sdk/kits/model-api";
import { EventStreamCodec } from "@smithy/core/event-streams";

/** The least that a message has: two lengths, the checksum of both, and the checksum of all. */
const LEAST = 16;
/** AWS sends 16 MiB of payload and 128 KiB of headers at most. */
const MOST = 24 * 1_048_576;

/**
 * The messages of `application/vnd.amazon.eventstream`, incrementally: bytes in, complete events out, as their type, a line feed
 * and their payload. An exception's type has a `!` before it. Chunks may be cut anywhere. Framing as in
 * https://smithy.io/2.0/aws/amazon-eventstream.html; lengths are read here, checksums and headers by AWS's own library.
 */
export class EventFrames {
  readonly #title: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #codec = new EventStreamCodec(
    (bytes) => (typeof bytes === "string" ? bytes : this.#decoder.decode(bytes)),
    (text) => new TextEncoder().encode(text),
  );
  #pieces: Uint8Array[] = [];
  #pending = 0;

  constructor(title: string) {
    this.#title = title;
  }

  push(chunk: Uint8Array): string[] {
    this.#pieces.push(chunk);
    this.#pending += chunk.length;
    const events: string[] = [];
    for (;;) {
      if (this.#pending < LEAST) return events;
      const head = this.#head();
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (length < LEAST || length > MOST) throw failure("STREAM", `${this.#title} sent something that is not an event stream.`);
      if (this.#pending < length) return events;
      const bytes = this.#joined();
      events.push(this.#event(bytes.subarray(0, length)));
      this.#pieces = bytes.length === length ? [] : [bytes.subarray(length)];
      this.#pending = bytes.length - length;
    }
  }

  /** The stream is over; half a message is none. */
  finish(): string[] {
    if (this.#pending > 0) throw failure("STREAM", `${this.#title} stopped in the middle of an event.`);
    return [];
  }

  #event(message: Uint8Array): string {
    try {
      const { headers, body } = this.#codec.decode(message);
      const header = (name: string) => String(headers[name]?.value ?? "");
      const kind = header(":message-type");
      if (kind === "exception") return `!${header(":exception-type")}\n${this.#decoder.decode(body)}`;
      if (kind === "error") return `!${header(":error-code")}\n${JSON.stringify({ message: header(":error-message") })}`;
      return `${header(":event-type")}\n${this.#decoder.decode(body)}`;
    } catch (cause) {
      throw failure("STREAM", `${this.#title} sent an event that is damaged.`, { cause });
    }
  }

  /** At least the length of the next message. */
  #head(): Uint8Array {
    return this.#pieces[0]!.length >= 4 ? this.#pieces[0]! : this.#joined();
  }

  #joined(): Uint8Array {
    if (this.#pieces.length > 1) {
      const all = new Uint8Array(this.#pending);
      let at = 0;
      for (const piece of this.#pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      this.#pieces = [all];
    }
    return this.#pieces[0]!;
  }
}
