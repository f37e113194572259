import { constants, type Dir, type Stats } from "node:fs";
import { type FileHandle, lstat, open, opendir, readdir, stat } from "node:fs/promises";

const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
/** More entries than that are too many, whatever they hold; and nobody counts for ever. */
export const MAX_ENTRIES = 20_000;
/** Open files of all that write, where removed ones are looked for. */
const MAX_OPEN = 100_000;
/** Each level costs the host a descriptor while it is counted. */
export const MAX_DEPTH = 64;
const BLOCK = 512;
/** So many names are looked at with one wait. */
const TOGETHER = 64;

/** What a folder takes; `why` where it is more than may be, or cannot be told. */
export type Use = { bytes: number; entries: number } | { why: string };

/**
 * What lies in a folder and below, in blocks of the disk, and what the processes `pids` hold open without a name there. Names are
 * bytes and never text; each step goes down from the descriptor of the folder above; a file with several names is counted once.
 */
export async function folderUse(dir: string, pids: readonly number[], maxBytes: number): Promise<Use> {
  const root = await open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(() => null);
  if (root === null) return { bytes: 0, entries: 0 };
  try {
    const { dev } = await root.stat();
    const count = new Count(maxBytes);
    const troubles = [await below(root, count, 0)];
    for (const pid of pids) if (!count.over) troubles.push(await unnamed(pid, dev, count));
    return count.why(troubles) ?? { bytes: count.bytes, entries: count.entries };
  } finally {
    await root.close();
  }
}

class Count {
  bytes = 0;
  entries = 0;
  open = 0;
  readonly #most: number;
  readonly #seen = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  add({ dev, ino, nlink, blocks }: Stats): void {
    // Under several names, or under a name and open as well.
    if (nlink !== 1) {
      const id = `${dev}:${ino}`;
      if (this.#seen.has(id)) return;
      this.#seen.add(id);
    }
    this.bytes += blocks * BLOCK;
  }

  get over(): boolean {
    return this.bytes > this.#most || this.entries > MAX_ENTRIES;
  }

  why(troubles: readonly (string | null)[]): { why: string } | null {
    const trouble = troubles.find((one) => one !== null);
    if (trouble !== undefined && trouble !== null) return { why: trouble };
    if (!this.over) return null;
    return { why: `it kept more than ${Math.round(this.#most / 1024 ** 2)} MiB, or ${MAX_ENTRIES.toLocaleString("en")} files, in its folder` };
  }
}

/** Null, or what makes that it cannot be counted. */
async function below(folder: FileHandle, count: Count, depth: number): Promise<string | null> {
  if (depth > MAX_DEPTH) return `its folder is more than ${MAX_DEPTH} folders deep`;
  const self = `/proc/self/fd/${folder.fd}/`;
  const listed: Dir = await opendir(self, { encoding: "buffer" as BufferEncoding, bufferSize: 4 * TOGETHER });
  for await (const names of together(listed)) {
    count.entries += names.length;
    const paths = names.map((name) => Buffer.concat([Buffer.from(self), name]));
    // It may be gone again; what a link leads to is not in the folder.
    const found = await Promise.all(paths.map((path) => lstat(path).catch(() => null)));
    for (const one of found) if (one !== null) count.add(one);
    if (count.over) return null;
    for (const [at, path] of paths.entries()) {
      if (found[at]?.isDirectory() !== true) continue;
      const trouble = await inside(path, count, depth);
      if (trouble !== null || count.over) return trouble;
    }
  }
  return null;
}

async function inside(path: Buffer, count: Count, depth: number): Promise<string | null> {
  const inner = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK).catch((thrown: NodeJS.ErrnoException) => thrown.code);
  if (inner === "EACCES" || inner === "EPERM") return "it hides a part of its folder from being counted";
  if (inner === undefined || typeof inner === "string") return null;
  try {
    return await below(inner, count, depth + 1);
  } finally {
    await inner.close();
  }
}

/** Names are bytes. */
async function* together(listed: Dir): AsyncGenerator<Buffer[]> {
  let names: Buffer[] = [];
  for await (const { name } of listed) {
    names.push(name as unknown as Buffer);
    if (names.length < TOGETHER) continue;
    yield names;
    names = [];
  }
  yield names;
}

/** Files that were removed and are open still take their blocks. */
async function unnamed(pid: number, dev: number, count: Count): Promise<string | null> {
  const open = await readdir(`/proc/${pid}/fd`).catch((thrown: NodeJS.ErrnoException) => thrown.code);
  if (open === "EACCES" || open === "EPERM") return "its open files cannot be counted";
  if (open === undefined || typeof open === "string") return null;
  for (const fd of open) {
    if (++count.open > MAX_OPEN) return "it has more files open than can be counted";
    const found = await stat(`/proc/${pid}/fd/${fd}`).catch(() => null);
    if (found?.isFile() && found.nlink === 0 && found.dev === dev) count.add(found);
  }
  return null;
}
