import { createReadStream } from "node:fs";
import { lstat, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { ReadEntry } from "tar";
import { ARCHIVE_LIMITS, type ArchiveFile } from "./archive-limits.ts";
import { NameSet, nameProblem } from "./entry-name.ts";
import { reason } from "./system-error.ts";
import { isZip, readZip } from "./zip.ts";

export { ARCHIVE_LIMITS, type ArchiveFile } from "./archive-limits.ts";

/** The folder in a tarball that everything sits in, as npm does it. */
export const ARCHIVE_ROOT = "package";

const HEADER_BYTES = 512;
/** Room for headers and padding beside the files' own bytes. */
const STREAM_BYTES = ARCHIVE_LIMITS.totalBytes + ARCHIVE_LIMITS.entries * 4 * HEADER_BYTES;
const PLAIN = new Set(["File", "OldFile"]);
/** Compressed data inside the compressed data would be unpacked again by the tar parser, past all counting. */
const NESTED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

/**
 * Unpack a package into an empty folder, in the thread that calls it: strangers' packages go through
 * strangers/archives.ts. Anything but plain files and folders with harmless names is refused while reading; after a
 * refusal the folder is empty again.
 *
 * @param source a tarball's path or bytes.
 * @throws PLINTH_ARCHIVE_LINK, _TYPE, _NAME, _DUPLICATE, _ROOT, _ENTRIES, _FILE_SIZE, _SIZE, _FORMAT, _TARGET.
 */
export async function unpackHere(source: string | Uint8Array, into: string): Promise<{ files: string[]; bytes: number }> {
  await assertEmpty(into);
  const files: string[] = [];
  let bytes = 0;
  try {
    for await (const file of filesIn(source)) {
      const path = join(into, file.name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.bytes, { flag: "wx", mode: 0o644 });
      files.push(file.name);
      bytes += file.bytes.length;
    }
  } catch (error) {
    for (const name of await readdir(into)) await rm(join(into, name), { recursive: true, force: true });
    throw error;
  }
  return { files, bytes };
}

/** Zipped packages come as bytes only; what is published is a tarball. */
async function* filesIn(source: string | Uint8Array): AsyncGenerator<ArchiveFile> {
  if (typeof source !== "string" && isZip(source)) yield* await readZip(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
  else yield* archiveFiles(source);
}

/** The files of a package in memory, under the same rules. */
export async function readArchive(source: string | Uint8Array): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const file of archiveFiles(source)) files.set(file.name, file.bytes);
  return files;
}

/** The files of a package, one after the other, each checked before the next one is read. */
export async function* archiveFiles(source: string | Uint8Array): AsyncGenerator<ArchiveFile> {
  const { Parser } = await import("tar");
  const ready: ArchiveFile[] = [];
  const intake = new Intake((file) => ready.push(file));
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => intake.take(entry),
  });
  parser.on("ignoredEntry", (entry: ReadEntry) => intake.refuseType(entry));
  parser.on("error", (error: Error) => intake.fail(broken(error)));
  // The parser cuts a name at a NUL instead of refusing it; others read on.
  parser.on("meta", (text: string) => {
    if (text.includes("\0")) intake.fail(refusal("NAME", text.slice(0, 200), "its extended header has a NUL"));
  });
  // Past the end mark the parser would only hoard what comes.
  let ended = false;
  parser.on("eof", () => {
    ended = true;
  });

  const packed = typeof source === "string" ? createReadStream(source) : Readable.from([source]);
  const gunzip = createGunzip();
  packed.on("error", (error) => gunzip.destroy(error));
  packed.pipe(gunzip);
  let head: Buffer | undefined = Buffer.alloc(0);
  let unpacked = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      if (unpacked > STREAM_BYTES) throw tooLarge("The archive");
      if (head !== undefined) {
        head = Buffer.concat([head, chunk]);
        if (head.length < HEADER_BYTES) continue;
        for (const magic of NESTED) if (head.subarray(0, magic.length).equals(magic)) throw broken(new Error("it is compressed twice"));
        parser.write(head);
        head = undefined;
      } else if (!ended) parser.write(chunk);
      intake.assertSound();
      yield* ready.splice(0);
    }
    if (head !== undefined) throw broken(new Error("it is not a tar archive"));
    parser.end();
    intake.assertSound();
    yield* ready.splice(0);
  } catch (error) {
    throw error instanceof PlinthError ? error : broken(error);
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

/** Takes the parser's entries in, counting and refusing. The first refusal stands. */
class Intake {
  readonly #done: (file: ArchiveFile) => void;
  readonly #names = new NameSet();
  #failure: unknown;
  #entries = 0;
  #bytes = 0;

  constructor(done: (file: ArchiveFile) => void) {
    this.#done = done;
  }

  fail(error: unknown): void {
    this.#failure ??= error;
  }

  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  take(entry: ReadEntry): void {
    try {
      this.assertSound();
      this.#check(entry);
    } catch (error) {
      this.fail(error);
      entry.resume();
      return;
    }
    if (entry.type === "Directory") {
      entry.resume();
      return;
    }
    const chunks: Buffer[] = [];
    entry.on("data", (chunk: Buffer) => chunks.push(chunk));
    entry.on("end", () => {
      if (this.#failure === undefined) this.#done({ name: below(entry.path), bytes: Buffer.concat(chunks) });
    });
  }

  refuseType(entry: ReadEntry): void {
    this.fail(refusal("TYPE", entry.path, `its type (${entry.type}) is not a plain file or folder`));
  }

  #check(entry: ReadEntry): void {
    const { path, type } = entry;
    this.#entries += 1;
    if (this.#entries > ARCHIVE_LIMITS.entries) {
      throw refusal("ENTRIES", path, `the archive has more than ${ARCHIVE_LIMITS.entries} entries`);
    }
    if (type === "Link" || type === "SymbolicLink") throw refusal("LINK", path, `it is a link to ${shown(entry.linkpath ?? "")}`);
    const folder = type === "Directory";
    if (!folder && !PLAIN.has(type)) throw refusal("TYPE", path, `its type (${type}) is not a plain file or folder`);
    const name = folder ? path.replace(/\/$/, "") : path;
    const unsafe = nameProblem(name.startsWith(`${ARCHIVE_ROOT}/`) ? below(name) : name);
    if (unsafe !== undefined) throw refusal("NAME", path, unsafe);
    if (name !== ARCHIVE_ROOT && !name.startsWith(`${ARCHIVE_ROOT}/`)) {
      throw refusal("ROOT", path, `it is outside the folder ${ARCHIVE_ROOT}/`);
    }
    if (name === ARCHIVE_ROOT) {
      if (!folder) throw refusal("ROOT", path, "it stands where the package's folder should be");
      return;
    }
    const twice = folder ? this.#names.addFolder(below(name)) : this.#names.addFile(below(name));
    if (twice !== undefined) throw refusal("DUPLICATE", path, twice);
    if (this.#names.size > ARCHIVE_LIMITS.entries) {
      throw refusal("ENTRIES", path, `the archive unpacks to more than ${ARCHIVE_LIMITS.entries} files and folders`);
    }
    if (entry.size > ARCHIVE_LIMITS.fileBytes) throw refusal("FILE_SIZE", path, `it is larger than ${mib(ARCHIVE_LIMITS.fileBytes)}`);
    this.#bytes += entry.size;
    if (this.#bytes > ARCHIVE_LIMITS.totalBytes) throw tooLarge(`The archive, at ${shown(path)},`);
  }
}

async function assertEmpty(into: string): Promise<void> {
  const stat = await lstat(into).catch(() => undefined);
  if (stat?.isDirectory() && (await readdir(into)).length === 0) return;
  throw new PlinthError("PLINTH_ARCHIVE_TARGET", `${into} is not an empty folder.`, {
    next: "Unpack into a new, empty folder.",
  });
}

const below = (path: string) => path.slice(ARCHIVE_ROOT.length + 1);
const mib = (bytes: number) => `${bytes / 1024 / 1024} MiB`;
/** A name from outside, made fit to print. */
const shown = (text: string) => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
const next = "Do not install this package; tell its publisher.";

function refusal(kind: string, path: string, why: string): PlinthError {
  return new PlinthError(`PLINTH_ARCHIVE_${kind}`, `The archive was refused at ${shown(path)}: ${why}.`, {
    next,
    details: { entry: path },
  });
}

function tooLarge(what: string): PlinthError {
  return new PlinthError("PLINTH_ARCHIVE_SIZE", `${what} unpacks to more than ${mib(ARCHIVE_LIMITS.totalBytes)}.`, { next });
}

function broken(cause: unknown): PlinthError {
  return new PlinthError("PLINTH_ARCHIVE_FORMAT", `The archive cannot be read as a gzipped tar file: ${reason(cause)}.`, {
    next: "Fetch or pack it again; when that does not help, tell its publisher.",
    cause,
  });
}
