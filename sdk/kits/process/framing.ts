import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { linesOf, textOf, tooLong } from "./lines.ts";

/** How messages lie in a stream of bytes. */
export interface Framing {
  read(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<string>;
  write(message: string): string;
}

/** One message a line: MCP and ACP over stdio, Codex's app-server. Empty lines are none. */
export const lineFraming: Framing = {
  async *read(chunks, maxBytes) {
    for await (const line of linesOf(chunks, maxBytes)) if (line.trim() !== "") yield line;
  },
  write: (message) => `${message}\n`,
};

const MAX_HEADER = 4_096;
const END_OF_HEADER = [13, 10, 13, 10];

/** A header that tells the message's length: the Language Server Protocol's base protocol, and the Debug Adapter Protocol's. */
export const headerFraming: Framing = {
  async *read(chunks, maxBytes) {
    let rest: Uint8Array = new Uint8Array(0);
    let body: { pieces: Uint8Array[]; have: number; length: number } | null = null;
    for await (const chunk of chunks) {
      let more: Uint8Array = chunk;
      while (more.length > 0) {
        if (body === null) {
          rest = joined(rest, more);
          more = new Uint8Array(0);
          const at = endOfHeader(rest);
          if (at < 0 && rest.length > MAX_HEADER) throw notFramed();
          if (at < 0) break;
          const length = Number(
            /(?:^|\r\n)content-length:[ \t]*(\d{1,10})[ \t]*(?:\r\n|$)/i.exec(textOf([rest.subarray(0, at)], at))?.[1] ?? Number.NaN,
          );
          if (Number.isNaN(length)) throw notFramed();
          if (length > maxBytes) throw tooLong(maxBytes);
          body = { pieces: [], have: 0, length };
          more = rest.subarray(at + END_OF_HEADER.length);
          rest = new Uint8Array(0);
        }
        const piece: Uint8Array = more.subarray(0, body.length - body.have);
        body.pieces.push(piece);
        body.have += piece.length;
        more = more.subarray(piece.length);
        if (body.have < body.length) continue;
        yield textOf(body.pieces, body.length);
        body = null;
      }
    }
  },
  write: (message) => `Content-Length: ${new TextEncoder().encode(message).length}\r\n\r\n${message}`,
};

function endOfHeader(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(END_OF_HEADER[0] as number); at >= 0; at = bytes.indexOf(END_OF_HEADER[0] as number, at + 1))
    if (END_OF_HEADER.every((one, index) => bytes[at + index] === one)) return at;
  return -1;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

const notFramed = (): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", "The program's output is not framed by Content-Length headers.", {
    next: "Check how it is started: many want a flag such as --stdio.",
  });
