/** How many bytes of UTF-8 a text takes. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (isHigh(code) && isLow(text.charCodeAt(at + 1))) {
      bytes += 4;
      at++;
    } else bytes += 3;
  }
  return bytes;
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(input: unknown = ""): Uint8Array<ArrayBuffer> {
    const text = String(input);
    const bytes = new Uint8Array(utf8Length(text));
    write(text, bytes);
    return bytes;
  }

  encodeInto(source: unknown, destination: Uint8Array): { read: number; written: number } {
    if (!(destination instanceof Uint8Array)) throw new TypeError("encodeInto writes into a Uint8Array");
    return write(String(source), destination);
  }

  get [Symbol.toStringTag](): string {
    return "TextEncoder";
  }
}

/** As much as there is room for, whole characters only; `read` counts UTF-16 units. */
function write(text: string, bytes: Uint8Array): { read: number; written: number } {
  let [at, end] = [0, 0];
  const room = bytes.length;
  for (; at < text.length && end < room; at++) {
    let code = text.charCodeAt(at);
    if (code < 0x80) {
      bytes[end++] = code;
      continue;
    }
    const pair = isHigh(code) && isLow(text.charCodeAt(at + 1));
    if (pair) code = text.codePointAt(at) as number;
    else if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    if (end + more >= room) break;
    bytes[end++] = ((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more));
    for (let rest = more - 1; rest >= 0; rest--) bytes[end++] = 0x80 | ((code >> (6 * rest)) & 0x3f);
    if (pair) at++;
  }
  return { read: at, written: end };
}

/** What the process outside knows of a label: the encoding's name, and for one byte a character what its upper half means. */
export type Lookup = (label: string) => { name: string; upper?: string } | null;

const UTF8 = /^[\t\n\f\r ]*(?:utf-?8|unicode-1-1-utf-8)[\t\n\f\r ]*$/i;
const UTF16: ReadonlySet<string> = new Set(["utf-16le", "utf-16be"]);

/** UTF-8, UTF-16, and every encoding of the web that has one byte for each character. */
export function decoderClass(lookup: Lookup) {
  return class TextDecoder {
    readonly #encoding: string;
    readonly #fatal: boolean;
    readonly #ignoreBOM: boolean;
    readonly #upper: string | undefined;
    #held = new Uint8Array(0);
    #begun = false;

    constructor(label: unknown = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } | null = {}) {
      const found = UTF8.test(String(label)) ? { name: "utf-8" } : lookup(String(label));
      if (found === null || (found.upper === undefined && found.name !== "utf-8" && !UTF16.has(found.name)))
        throw new RangeError(`The encoding ${String(label)} is not supported here.`);
      this.#encoding = found.name;
      this.#upper = found.upper;
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding(): string {
      return this.#encoding;
    }

    get fatal(): boolean {
      return this.#fatal;
    }

    get ignoreBOM(): boolean {
      return this.#ignoreBOM;
    }

    decode(input?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } | null = {}): string {
      const stream = Boolean(options?.stream);
      const bytes = this.#withHeld(bytesOf(input));
      if (this.#upper !== undefined) return bySingleBytes(bytes, this.#upper, this.#fatal);
      const decoded = UTF16.has(this.#encoding) ? utf16(bytes, this.#encoding === "utf-16be", stream) : utf8(bytes, stream);
      if (this.#fatal && !decoded.valid) {
        this.#begun = false;
        throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`);
      }
      this.#held = bytes.slice(decoded.end);
      const { text } = decoded;
      const marked = !this.#begun && !this.#ignoreBOM && text.charCodeAt(0) === 0xfeff;
      this.#begun = stream && (this.#begun || text !== "");
      return marked ? text.slice(1) : text;
    }

    #withHeld(given: Uint8Array): Uint8Array {
      const held = this.#held;
      if (held.length === 0) return given;
      this.#held = new Uint8Array(0);
      const all = new Uint8Array(held.length + given.length);
      all.set(held);
      all.set(given, held.length);
      return all;
    }

    get [Symbol.toStringTag](): string {
      return "TextDecoder";
    }
  };
}

function bytesOf(input: unknown): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (!(input instanceof ArrayBuffer)) throw new TypeError("a decoder takes an ArrayBuffer or a view of one");
  return new Uint8Array(input);
}

/** The text, where the last character begins that is not complete, and whether it was all valid. */
interface Decoded {
  readonly text: string;
  readonly end: number;
  readonly valid: boolean;
}

const CHUNK = 8_192;
const fromUnits = (units: Uint8Array | Uint16Array): string => String.fromCharCode.apply(null, units as unknown as number[]);

/** Text put together of UTF-16 units, some thousand at a time. */
class Text {
  readonly #units = new Uint16Array(CHUNK + 2);
  #length = 0;
  #text = "";

  /** A character by its code point. */
  add(code: number): void {
    if (code > 0xffff) {
      this.#units[this.#length++] = 0xd7c0 + (code >> 10);
      this.#units[this.#length++] = 0xdc00 + (code & 0x3ff);
    } else this.#units[this.#length++] = code;
    if (this.#length >= CHUNK) this.#flush();
  }

  append(text: string): void {
    this.#flush();
    this.#text += text;
  }

  toString(): string {
    this.#flush();
    return this.#text;
  }

  #flush(): void {
    if (this.#length > 0) this.#text += fromUnits(this.#units.subarray(0, this.#length));
    this.#length = 0;
  }
}

function utf8(bytes: Uint8Array, stream: boolean): Decoded {
  const text = new Text();
  let valid = true;
  let at = 0;
  while (at < bytes.length) {
    // Most text is mostly ASCII.
    let ascii = at;
    const most = Math.min(bytes.length, at + CHUNK);
    while (ascii < most && (bytes[ascii] as number) < 0x80) ascii++;
    if (ascii > at + 16) text.append(fromUnits(bytes.subarray(at, ascii)));
    else for (let one = at; one < ascii; one++) text.add(bytes[one] as number);
    at = ascii;
    if (at >= bytes.length || (bytes[at] as number) < 0x80) continue;
    const first = bytes[at] as number;
    const more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
    let code = more === 0 ? -1 : first & (0x3f >> more);
    let size = 1;
    for (; code >= 0 && size <= more; size++) {
      const byte = bytes[at + size];
      if (byte === undefined) {
        if (stream) return { text: text.toString(), end: at, valid };
        break;
      }
      // The second byte rules out overlong forms, surrogates and what is beyond Unicode.
      const low = size > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      const high = size > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) break;
      code = (code << 6) | (byte & 0x3f);
    }
    const whole = more > 0 && size > more;
    valid &&= whole;
    text.add(whole ? code : 0xfffd);
    at += size;
  }
  return { text: text.toString(), end: at, valid };
}

function utf16(bytes: Uint8Array, big: boolean, stream: boolean): Decoded {
  const text = new Text();
  const unit = (at: number): number => ((bytes[big ? at : at + 1] as number) << 8) | (bytes[big ? at + 1 : at] as number);
  let valid = true;
  let at = 0;
  for (; at + 1 < bytes.length; at += 2) {
    const code = unit(at);
    if (isHigh(code)) {
      if (at + 3 >= bytes.length && stream) return { text: text.toString(), end: at, valid };
      if (at + 3 < bytes.length && isLow(unit(at + 2))) {
        text.add(0x10000 + ((code - 0xd800) << 10) + (unit(at + 2) - 0xdc00));
        at += 2;
        continue;
      }
      // Half a character and half a pair of bytes at the end are one mistake.
      if (at + 3 === bytes.length) at++;
    }
    const lone = code >= 0xd800 && code <= 0xdfff;
    valid &&= !lone;
    text.add(lone ? 0xfffd : code);
  }
  if (stream || at >= bytes.length) return { text: text.toString(), end: Math.min(at, bytes.length), valid };
  text.add(0xfffd);
  return { text: text.toString(), end: bytes.length, valid: false };
}

function bySingleBytes(bytes: Uint8Array, upper: string, fatal: boolean): string {
  const text = new Text();
  for (const byte of bytes) {
    const code = byte < 0x80 ? byte : upper.charCodeAt(byte - 0x80);
    if (code === 0xfffd && fatal) throw new TypeError("The encoded data was not valid for its encoding");
    text.add(code);
  }
  return text.toString();
}

interface Base64 {
  fromBase64(text: string): Uint8Array;
}

export function atob(input: unknown): string {
  try {
    const bytes = (Uint8Array as unknown as Base64).fromBase64(String(input));
    let text = "";
    for (let at = 0; at < bytes.length; at += CHUNK) text += fromUnits(bytes.subarray(at, at + CHUNK));
    return text;
  } catch {
    throw new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
  }
}

export function btoa(input: unknown): string {
  const text = String(input);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) throw new DOMException("Invalid character", "InvalidCharacterError");
    bytes[at] = code;
  }
  return (bytes as Uint8Array & { toBase64(): string }).toBase64();
}
