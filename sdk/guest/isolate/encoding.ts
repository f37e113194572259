import { DOMException } from "./abort.ts";

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
  readonly encoding = "utf-8";

  encode(input: unknown = ""): Uint8Array {
    const text = String(input).toWellFormed();
    const bytes = new Uint8Array(utf8Length(text));
    let end = 0;
    for (const one of text) {
      const code = one.codePointAt(0) as number;
      if (code < 0x80) bytes[end++] = code;
      else {
        const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        bytes[end++] = ((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more));
        for (let rest = more - 1; rest >= 0; rest--) bytes[end++] = 0x80 | ((code >> (6 * rest)) & 0x3f);
      }
    }
    return bytes;
  }
}

/** UTF-8 only. */
export class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  #held: number[] = [];
  #begun = false;

  constructor(label: unknown = "utf-8", { fatal = false, ignoreBOM = false }: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^\s*(?:utf-?8|unicode-1-1-utf-8)\s*$/i.test(String(label))) throw new RangeError(`The encoding ${String(label)} is not supported here.`);
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  decode(input?: ArrayBuffer | ArrayBufferView, { stream = false }: { stream?: boolean } = {}): string {
    const given = input === undefined ? new Uint8Array(0) : ArrayBuffer.isView(input) ? viewed(input) : new Uint8Array(input);
    const bytes = this.#held.length === 0 ? given : Uint8Array.from([...this.#held, ...given]);
    this.#held = [];
    const parts: string[] = [];
    let codes: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const { code, size } = next(bytes, at);
      if (size === 0) {
        if (stream) {
          this.#held = [...bytes.subarray(at)];
          break;
        }
        if (this.fatal) throw new TypeError("The encoded data was not valid for encoding utf-8");
        codes.push(0xfffd);
        break;
      }
      if (code < 0 && this.fatal) throw new TypeError("The encoded data was not valid for encoding utf-8");
      codes.push(code < 0 ? 0xfffd : code);
      at += size;
      if (codes.length >= 4_096) {
        parts.push(String.fromCodePoint(...codes));
        codes = [];
      }
    }
    parts.push(String.fromCodePoint(...codes));
    let text = parts.join("");
    if (!this.#begun && text !== "" && !this.ignoreBOM && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    this.#begun = stream && (this.#begun || text !== "");
    return text;
  }
}

const viewed = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** The next code point and its bytes; code -1 = not UTF-8, size 0 = cut off by the end. */
function next(bytes: Uint8Array, at: number): { code: number; size: number } {
  const first = bytes[at] as number;
  if (first < 0x80) return { code: first, size: 1 };
  const more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
  if (more === 0) return { code: -1, size: 1 };
  let code = first & (0x3f >> more);
  for (let index = 1; index <= more; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return { code: 0, size: 0 };
    // The second byte rules out overlong forms, surrogates and what is beyond Unicode.
    const low = index > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = index > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return { code: -1, size: index };
    code = (code << 6) | (byte & 0x3f);
  }
  return { code, size: more + 1 };
}

interface Base64 {
  fromBase64(text: string): Uint8Array;
}

export function atob(input: unknown): string {
  try {
    const bytes = (Uint8Array as unknown as Base64).fromBase64(String(input));
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
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
