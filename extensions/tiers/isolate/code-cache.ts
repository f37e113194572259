import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { IsolateHost } from "./isolate-host.ts";

/** Less is compiled faster than it is read. */
const WORTH_BYTES = 32 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_FILES = 200;
const DIGEST_BYTES = 32;
const WAIT_MS = 2_000;
const OTHERS_WRITE = 0o022;

/**
 * Compiled code of extensions, kept in the tier's own folder. It is never taken from a package, nor from a process that has run the
 * code of one: a process that does nothing else compiles it, walled like the others, without running it. A file that was changed
 * is ignored; so is one that the engine refuses, which checks that it fits.
 */
export class CodeCache {
  readonly #dir: string | null;
  readonly #compiler: () => IsolateHost;
  readonly #waitMs: number;
  readonly #asked = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #queue: Promise<void> = Promise.resolve();
  #disposed = false;

  /** `dir` null = nothing is kept. `compiler`: a fresh process. Making waits a little: starts come first. */
  constructor(dir: string | null, compiler: () => IsolateHost, waitMs = WAIT_MS) {
    this.#dir = dir;
    this.#compiler = compiler;
    this.#waitMs = waitMs;
  }

  /** In base64; undefined when there is none. */
  async read(source: string): Promise<string | undefined> {
    if (this.#dir === null || source.length < WORTH_BYTES) return undefined;
    const file = join(this.#dir, nameOf(source));
    try {
      const all = await readOwn(file);
      if (all === undefined) return undefined;
      const data = all.subarray(DIGEST_BYTES);
      if (!sha256(data).equals(all.subarray(0, DIGEST_BYTES))) return undefined;
      const now = new Date();
      void utimes(file, now, now).catch(() => {});
      return data.toString("base64");
    } catch {
      // Not there, or unreadable: it is compiled again.
      return undefined;
    }
  }

  /** Make what is missing, later and one at a time. */
  keep(source: string, cached: string | undefined): void {
    if (this.#dir === null || cached !== undefined || source.length < WORTH_BYTES || this.#asked.has(nameOf(source))) return;
    this.#asked.add(nameOf(source));
    const dir = this.#dir;
    this.#queue = this.#queue
      .then(() => new Promise<void>((resolve) => (this.#timer = setTimeout(resolve, this.#waitMs).unref())))
      .then(() => (this.#disposed ? undefined : this.#make(dir, source)))
      .catch(() => {});
  }

  /** Nothing more is begun. */
  dispose(): void {
    this.#disposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #make(dir: string, source: string): Promise<void> {
    const compiler = this.#compiler();
    const late = setTimeout(() => compiler.kill("it compiled for too long"), 30_000).unref();
    const data = Buffer.from(await compiler.compile(source), "base64");
    clearTimeout(late);
    compiler.kill("it has compiled");
    if (data.length === 0 || data.length > MOST_BYTES || this.#disposed) return;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const temporary = join(dir, `${randomUUID()}.tmp`);
    await writeFile(temporary, Buffer.concat([sha256(data), data]), { mode: 0o600, flag: "wx" });
    await rename(temporary, join(dir, nameOf(source)));
    await prune(dir);
  }
}

/** A file that only this user could have made or changed, whoever may write its folder. What is checked is what is read. */
async function readOwn(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const { uid, mode, size } = await file.stat();
    const user = process.getuid?.();
    if (size > MOST_BYTES || (user !== undefined && (uid !== user || (mode & OTHERS_WRITE) !== 0))) return undefined;
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const sha256 = (data: Buffer | string): Buffer => createHash("sha256").update(data).digest();

/** The engine belongs to the name. Other flags make other code too, which the engine refuses; then it is made again. */
const nameOf = (source: string): string =>
  `${sha256(JSON.stringify([process.versions.v8, process.arch, process.version]))
    .toString("hex")
    .slice(0, 16)}-${sha256(source).toString("hex")}.code`;

/** The least recently used go. */
async function prune(dir: string): Promise<void> {
  const names = await readdir(dir);
  const times = await Promise.all(names.map(async (name) => [name, (await stat(join(dir, name))).mtimeMs] as const));
  const oldest = times.sort(([, a], [, b]) => b - a).slice(MOST_FILES);
  for (const [name] of oldest) await unlink(join(dir, name)).catch(() => {});
}
