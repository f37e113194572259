import { constants } from "node:fs";
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

const NAME = /^(\d{13,16})\.ndjson$/;
const CHUNK = 65_536;
/** No line of ours is longer; what is cannot be read as one. */
const LONGEST_LINE = 65_536;
const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | (constants.O_NOFOLLOW ?? 0);

/** One file of the log. Its name is when it was begun, in milliseconds: names sort as records do. */
export interface Segment {
  readonly path: string;
  readonly begun: number;
}

/** Oldest first. */
export async function segmentsIn(dir: string): Promise<Segment[]> {
  const names = await readdir(dir).catch(() => []);
  return names
    .flatMap((name) => (NAME.test(name) ? [{ path: join(dir, name), begun: Number.parseInt(name, 10) }] : []))
    .sort((a, b) => a.begun - b.begun);
}

export const segmentAt = (dir: string, begun: number): Segment => ({ path: join(dir, `${begun}.ndjson`), begun });

/** For appending, by this user only. A line that a crash cut off is closed, so that the next one stands alone. */
export async function openSegment({ path }: Segment): Promise<FileHandle> {
  const file = await open(path, FLAGS, 0o600);
  try {
    const { size } = await file.stat();
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer[0] !== 10) await file.appendFile("\n");
    }
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Remove what is too old, then the oldest until the rest fits; `kept` stays whatever it is. */
export async function prune(dir: string, kept: Segment, limits: { bytes: number; olderThan: number }): Promise<void> {
  const found = [];
  for (const segment of await segmentsIn(dir)) {
    const { size, mtimeMs } = await stat(segment.path).catch(() => ({ size: 0, mtimeMs: 0 }));
    found.push({ path: segment.path, size, mtimeMs });
  }
  let total = found.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size, mtimeMs } of found) {
    if (path === kept.path || (total <= limits.bytes && mtimeMs >= limits.olderThan)) continue;
    await rm(path, { force: true });
    total -= size;
  }
}

/** The lines of a file, last first, read in pieces; none where the file is gone. A line that is too long comes as "". */
export async function* linesBackwards({ path }: Segment): AsyncGenerator<string> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => null);
  if (file === null) return;
  try {
    let rest: Buffer = Buffer.alloc(0);
    let tooLong = false;
    for (let at = (await file.stat()).size; at > 0; ) {
      const length = Math.min(CHUNK, at);
      at -= length;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at);
      const data = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
      const first = at === 0 ? -1 : data.indexOf(10);
      if (at > 0 && first < 0) {
        // No line begins in here: keep it while it may still become one.
        tooLong ||= data.length > LONGEST_LINE;
        rest = tooLong ? Buffer.alloc(0) : data;
        continue;
      }
      const lines = data
        .subarray(first + 1)
        .toString("utf8")
        .split("\n")
        .reverse();
      if (tooLong) lines[0] = "";
      for (const [index, line] of lines.entries()) if (line !== "" || (index === 0 && tooLong)) yield line;
      tooLong = false;
      rest = first < 0 ? Buffer.alloc(0) : data.subarray(0, first);
    }
  } finally {
    await file.close();
  }
}
