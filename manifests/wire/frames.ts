import { WIRE, type WireMessage } from "./protocol.ts";

/** Encode one batch of already serialised messages as a frame. */
export function encodeFrame(messages: readonly string[]): Buffer {
  const body = `[${messages.join(",")}]`;
  const length = Buffer.byteLength(body);
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.write(body, 4);
  return frame;
}

/** A frame that comes in crumbs is put together now and then: each crumb takes more memory than its bytes. */
const MAX_CHUNKS = 1_024;

/** Cuts a byte stream into frames, wherever its chunks break. Throws on a frame over the limit or on what is not a batch. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = -1;
  readonly #limit: number;
  /** Frames so far that held no message. */
  empty = 0;

  constructor(limit: number = WIRE.maxFrameBytes) {
    this.#limit = limit;
  }

  /** Bytes of a frame that is not complete. */
  get held(): number {
    return this.#held;
  }

  /** A frame has begun and is not complete. */
  get partial(): boolean {
    return this.#held > 0 || this.#wanted >= 0;
  }

  push(chunk: Buffer): WireMessage[] {
    this.#chunks.push(chunk);
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    this.#held += chunk.length;
    let messages: WireMessage[] = [];
    for (;;) {
      if (this.#wanted < 0) {
        if (this.#held < 4) return messages;
        this.#wanted = this.#take(4).readUInt32BE(0);
        if (this.#wanted > this.#limit) throw new RangeError(`a frame of ${this.#wanted} bytes is over the limit of ${this.#limit}`);
      }
      if (this.#held < this.#wanted) return messages;
      const batch = parseBatch(this.#take(this.#wanted).toString("utf8"));
      this.#wanted = -1;
      if (batch.length === 0) this.empty++;
      messages = messages.length === 0 ? batch : messages.concat(batch);
    }
  }

  #take(count: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    this.#held -= count;
    if (first.length === count) {
      this.#chunks.shift();
      return first;
    }
    if (first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    return all.subarray(0, count);
  }
}

/** Parsing takes over half a microsecond for each level: a frame of nothing but brackets would hold everybody up. */
const MAX_DEPTH = 10_000;

/** A frame's body as messages. Throws on what is not a batch, or is nested too deeply. */
export function parseBatch(body: string): WireMessage[] {
  if (body.length > MAX_DEPTH && depthOf(body) > MAX_DEPTH) throw new RangeError(`a frame is nested more than ${MAX_DEPTH} levels deep`);
  const batch: unknown = JSON.parse(body);
  if (!Array.isArray(batch)) throw new TypeError("a frame is not a batch");
  // Only a message that is large itself makes a large frame: many small ones would take long to handle, all at once.
  if (batch.length > 1 && body.length > 2 * WIRE.batchBytes) throw new RangeError("a batch of several messages is over the limit");
  for (const message of batch) if (!isMessage(message)) throw new TypeError("a batch holds something that is not a message");
  return batch as WireMessage[];
}

/** How deep the lists and objects of a JSON text are nested at its deepest. */
function depthOf(json: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(json, at);
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Where a string ends that begins at `start`; the text's end where it does not. */
function endOfString(json: string, start: number): number {
  for (let end = start; ; ) {
    end = json.indexOf('"', end + 1);
    if (end < 0) return json.length;
    let before = end;
    while (json.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
}

const KINDS: ReadonlyMap<string, (message: unknown[]) => boolean> = new Map([
  ["call", (m: unknown[]) => isId(m[1]) && typeof m[2] === "string" && typeof m[4] === "object" && m[4] !== null],
  ["ok", (m: unknown[]) => isId(m[1])],
  ["err", (m: unknown[]) => isId(m[1]) && typeof m[2] === "object" && m[2] !== null],
  ["next", (m: unknown[]) => isId(m[1])],
  ["end", (m: unknown[]) => isId(m[1])],
  ["credit", (m: unknown[]) => isId(m[1]) && Number.isInteger(m[2]) && (m[2] as number) > 0 && (m[2] as number) <= 65_536],
  ["cancel", (m: unknown[]) => isId(m[1])],
  ["note", (m: unknown[]) => typeof m[1] === "string"],
]);

const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

function isMessage(message: unknown): message is WireMessage {
  return Array.isArray(message) && typeof message[0] === "string" && KINDS.get(message[0])?.(message) === true;
}
