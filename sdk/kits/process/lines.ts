import { PlinthError } from "@plinth/manifests/wire/error.ts";

const MAX_BYTES = 4 * 1_048_576;
const NEWLINE = 10;

/**
 * The lines of a program's output, without their ends (`\n` or `\r\n`); what comes after the last end is one too.
 *
 * @param maxBytes of one line; a longer one fails with `PLINTH_PAYLOAD`. Default 4 MiB.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxBytes = MAX_BYTES): AsyncGenerator<string> {
  let held: Uint8Array[] = [];
  let size = 0;
  const taken = (): string => {
    const line = textOf(held, size);
    held = [];
    size = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      held.push(chunk.subarray(from, at));
      size += at - from;
      from = at + 1;
      if (size > maxBytes) throw tooLong(maxBytes);
      yield taken();
    }
    held.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > maxBytes) throw tooLong(maxBytes);
  }
  if (size > 0) yield taken();
}

/** Bytes as text, put together once. */
export function textOf(pieces: readonly Uint8Array[], size: number): string {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return new TextDecoder().decode(all);
}

export const tooLong = (maxBytes: number): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `The program sent a message of more than ${maxBytes} bytes.`, {
    next: "Allow more (maxBytes), or report it to the program's makers.",
  });
