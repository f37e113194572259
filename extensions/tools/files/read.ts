import type { FileHandle } from "node:fs/promises";
import { type Call, PlinthError, type ToolResult } from "@plinth/sdk";
import type { Memory } from "./memory.ts";
import { type ToolArguments, textResult } from "./tool-result.ts";
import type { Workspace } from "./workspace.ts";

const MAX_BYTES = 256 * 1024;
const CHUNK = 64 * 1024;
/** How far into a file a part may lie. */
const MAX_SCAN = 256 * 1024 * 1024;
const NEWLINE = 10;

/** The tool `read`: a part of a text file, by lines. */
export async function read(workspace: Workspace, args: ToolArguments, { signal }: Call, { hands }: Memory): Promise<ToolResult> {
  const path = args.text("path");
  const offset = args.count("offset", 1, 100_000_000);
  const limit = args.count("limit", 100_000, 100_000);
  const place = await workspace.place(path);
  const handle = await workspace.openFile(place);
  const named = await hands.read([await workspace.realPath(place)]);
  const outside = (await hands.formerly([await handle.stat()])) || named;
  const part = await readLines(handle, offset, limit, signal);
  if (part.bytes.includes(0)) throw binary(path);
  const text = decode(part.bytes, path, part.clipped);
  if (text === "" && offset === 1) return textResult("(The file is empty.)");
  if (part.bytes.length === 0) {
    throw new PlinthError("PLINTH_FILE_END", `"${path}" has no line ${offset}.`, { next: `It has ${part.seen} lines.` });
  }
  const next = offset + part.lines;
  const note = part.clipped
    ? `\n[Line ${offset} is longer than ${MAX_BYTES} bytes and was cut. The next line is offset=${offset + 1}.]`
    : part.more
      ? `\n[There is more: go on with offset=${next}.]`
      : "";
  return textResult(text + note, { path, offset, lines: part.lines, more: part.more }, outside);
}

/** A whole text file, bounded; for edits. */
export async function readWhole(handle: FileHandle, path: string, maxBytes: number): Promise<string> {
  const { size } = await handle.stat();
  if (size > maxBytes) throw tooLarge(path, maxBytes);
  const bytes = await handle.readFile();
  if (bytes.length > maxBytes) throw tooLarge(path, maxBytes);
  if (bytes.includes(0)) throw binary(path);
  return decode(bytes, path, false);
}

interface Part {
  bytes: Buffer;
  /** Lines in `bytes`. */
  lines: number;
  /** Lines that were seen at all. */
  seen: number;
  more: boolean;
  /** The first line alone was too long. */
  clipped: boolean;
}

/** Lines from `offset`, as many as are wanted and fit; reads in chunks and never holds much more than it returns. */
async function readLines(handle: FileHandle, offset: number, limit: number, signal: AbortSignal): Promise<Part> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const kept: Buffer[] = [];
  let size = 0;
  let line = 1;
  let more = false;
  let open = false;
  for (let position = 0; !more; ) {
    signal.throwIfAborted();
    if (position > MAX_SCAN) throw tooLarge("This file", MAX_SCAN);
    const { bytesRead } = await handle.read(chunk, 0, CHUNK, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    for (let from = 0; from < bytesRead; ) {
      const at = chunk.subarray(0, bytesRead).indexOf(NEWLINE, from);
      const to = at < 0 ? bytesRead : at + 1;
      more = line >= offset + limit || size > MAX_BYTES;
      if (more) break;
      if (line >= offset) {
        kept.push(Buffer.from(chunk.subarray(from, to)));
        size += to - from;
      }
      open = at < 0;
      if (!open) line++;
      from = to;
    }
  }
  const all = Buffer.concat(kept);
  const seen = open ? line : line - 1;
  if (all.length <= MAX_BYTES) return { bytes: all, lines: countLines(all), seen, more, clipped: false };
  const end = all.lastIndexOf(NEWLINE, MAX_BYTES - 1) + 1;
  const bytes = all.subarray(0, end || MAX_BYTES);
  return { bytes, lines: countLines(bytes), seen, more: true, clipped: end === 0 };
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return bytes.length > 0 && bytes.at(-1) !== NEWLINE ? count + 1 : count;
}

function decode(bytes: Buffer, path: string, cut: boolean): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    throw binary(path);
  }
}

function binary(path: string): PlinthError {
  return new PlinthError("PLINTH_FILE_BINARY", `"${path}" is not a UTF-8 text file.`, { next: "Use a program for its format." });
}

function tooLarge(path: string, bytes: number): PlinthError {
  return new PlinthError("PLINTH_FILE_SIZE", `${path} is larger than ${bytes / 1_048_576} MiB.`, {
    next: "Use a smaller file, or a program for large ones.",
  });
}
