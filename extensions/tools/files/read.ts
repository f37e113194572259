import type { FileHandle } from "node:fs/promises";
import { type Call, PlinthError, type ToolResult } from "@plinth/sdk";
import { type ToolArguments, textResult } from "./tool-result.ts";
import type { Workspace } from "./workspace.ts";

const MAX_BYTES = 256 * 1024;
const CHUNK = 64 * 1024;
/** How far into a file a part may lie. */
const MAX_SCAN = 256 * 1024 * 1024;
const NEWLINE = 10;

/** The tool `read`: a part of a text file, by lines. */
export async function read(workspace: Workspace, args: ToolArguments, { signal }: Call): Promise<ToolResult> {
  const path = args.text("path");
  const offset = args.count("offset", 1, 100_000_000);
  const limit = args.count("limit", 100_000, 100_000);
  const handle = await workspace.openFile(await workspace.place(path));
  const part = await readLines(handle, offset, limit, signal);
  if (part.bytes.includes(0)) throw binary(path);
  const text = decode(part.bytes, path, part.clipped);
  if (text === "" && offset === 1) return textResult("(The file is empty.)");
  if (part.bytes.length === 0) {
    throw new PlinthError("PLINTH_FILE_END", `"${path}" has no line ${offset}.`, { next: `It has ${part.before} lines.` });
  }
  const next = offset + part.lines;
  const note = part.clipped
    ? `\n[Line ${offset} is longer than ${MAX_BYTES} bytes and was cut.${part.more ? ` Go on with offset=${offset + 1}.` : ""}]`
    : part.more
      ? `\n[There is more: go on with offset=${next}.]`
      : "";
  return textResult(text + note, { path, offset, lines: part.lines, more: part.more });
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
  /** Complete or last lines in `bytes`. */
  lines: number;
  /** Lines before the part; all lines when the part is empty. */
  before: number;
  more: boolean;
  /** The first line alone was too long. */
  clipped: boolean;
}

/** Lines from `offset`, as many as are wanted and fit; reads in chunks and never holds more than it returns. */
async function readLines(handle: FileHandle, offset: number, limit: number, signal: AbortSignal): Promise<Part> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const kept: Buffer[] = [];
  let size = 0;
  let line = 1;
  let position = 0;
  let ended = false;
  while (!ended && size <= MAX_BYTES && line < offset + limit) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(chunk, 0, CHUNK, position);
    if (bytesRead === 0) ended = true;
    position += bytesRead;
    if (position > MAX_SCAN) throw tooLarge("the file", MAX_SCAN);
    let from = 0;
    while (from < bytesRead && line < offset + limit) {
      const at = chunk.subarray(0, bytesRead).indexOf(NEWLINE, from);
      const to = at < 0 ? bytesRead : at + 1;
      if (line >= offset && size <= MAX_BYTES) {
        kept.push(Buffer.from(chunk.subarray(from, to)));
        size += to - from;
      }
      if (at >= 0) line++;
      from = to;
    }
    if (from < bytesRead) break;
  }
  const all = Buffer.concat(kept);
  if (all.length <= MAX_BYTES) {
    const more = !ended && position < (await handle.stat()).size + (line >= offset + limit ? 1 : 0) && (await hasMore(handle, all, position, line, offset, limit));
    return { bytes: all, lines: countLines(all), before: line - 1, more, clipped: false };
  }
  const end = all.lastIndexOf(NEWLINE, MAX_BYTES - 1) + 1;
  if (end === 0) return { bytes: all.subarray(0, MAX_BYTES), lines: 1, before: offset - 1, more: true, clipped: true };
  return { bytes: all.subarray(0, end), lines: countLines(all.subarray(0, end)), before: offset - 1, more: true, clipped: false };
}
