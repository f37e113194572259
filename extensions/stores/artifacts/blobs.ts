import { createHash, randomBytes } from "node:crypto";
import { constants, mkdirSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { damaged } from "./errors.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const CHUNK = 512 * 1_024;
/** Younger ones may belong to somebody who is about to note them. */
const ORPHAN_MS = 3_600_000;

/** Files by the SHA-256 of their bytes. What is checked of a file is checked of what was opened, never of a path. */
export class Blobs {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    for (const name of ["blobs", "incoming"]) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  }

  async begin(): Promise<Incoming> {
    const path = join(this.#dir, "incoming", randomBytes(16).toString("hex"));
    return new Incoming(path, await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  }

  /** Move what came in to its place. When it returns, the bytes are on the disk. */
  async settle(incoming: Incoming): Promise<{ sha256: string; bytes: number }> {
    const { sha256, bytes } = await incoming.finish();
    const path = this.#path(sha256);
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await rename(incoming.path, path);
    return { sha256, bytes };
  }

  /** A range of the bytes, in order. Where it is all of them, the last piece is held back until the whole is what it should be. */
  async *read(sha256: string, size: number, offset: number, length: number): AsyncGenerator<Buffer> {
    const file = await open(this.#path(sha256), O_RDONLY | O_NOFOLLOW).catch(() => {
      throw damaged(sha256);
    });
    try {
      const info = await file.stat();
      if (!info.isFile() || info.size !== size) throw damaged(sha256);
      const hash = offset === 0 && length === size ? createHash("sha256") : undefined;
      let last: Buffer | undefined;
      for (let at = offset; at < offset + length; ) {
        const piece = Buffer.allocUnsafe(Math.min(CHUNK, offset + length - at));
        const { bytesRead } = await file.read(piece, 0, piece.length, at);
        if (bytesRead === 0) throw damaged(sha256);
        at += bytesRead;
        const read = piece.subarray(0, bytesRead);
        hash?.update(read);
        if (last !== undefined) yield last;
        last = read;
      }
      if (hash !== undefined && hash.digest("hex") !== sha256) throw damaged(sha256);
      if (last !== undefined) yield last;
    } finally {
      await file.close();
    }
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.#path(sha256), { force: true });
  }

  /** What a crash left behind: pieces that were never finished, and files that nobody noted. */
  async sweep(known: (sha256: string) => boolean): Promise<void> {
    for (const name of await readdir(join(this.#dir, "incoming"))) await this.#removeOld(join(this.#dir, "incoming", name));
    for (const folder of await readdir(join(this.#dir, "blobs"))) {
      for (const name of await readdir(join(this.#dir, "blobs", folder))) {
        if (!known(name)) await this.#removeOld(join(this.#dir, "blobs", folder, name));
      }
    }
  }

  async #removeOld(path: string): Promise<void> {
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > ORPHAN_MS) await rm(path, { force: true, recursive: true });
  }

  #path(sha256: string): string {
    return join(this.#dir, "blobs", sha256.slice(0, 2), sha256);
  }
}

/** Bytes on their way in. */
export class Incoming {
  readonly path: string;
  bytes = 0;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");

  constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  async add(piece: Buffer): Promise<void> {
    this.bytes += piece.length;
    this.#hash.update(piece);
    for (let at = 0; at < piece.length; ) at += (await this.#file.write(piece, at)).bytesWritten;
  }

  async finish(): Promise<{ sha256: string; bytes: number }> {
    await this.#file.sync();
    await this.#file.close();
    return { sha256: this.#hash.digest("hex"), bytes: this.bytes };
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.path, { force: true });
  }
}
