import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Entry, ZipFile } from "yauzl";
import { ARCHIVE_LIMITS, type ArchiveFile } from "./archive-limits.ts";
import { NameSet, nameProblem } from "./entry-name.ts";
import { reason } from "./system-error.ts";

const MANIFEST = "plinth.json";
/** Of a Unix mode in an entry's external attributes. */
const TYPE_MASK = 0o170000;
const PLAIN_TYPES = new Set([0, 0o100000, 0o040000]);
const LINK_TYPE = 0o120000;
const next = "Do not install this package; tell its publisher.";

/** Whether these are a zip file's first bytes. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
}

/**
 * The files of a zipped package, under the same limits and refusals as a tarball's. They lie at the top or, as archives
 * of repositories have them, in one folder that holds everything.
 *
 * @throws PLINTH_ARCHIVE_LINK, _TYPE, _NAME, _DUPLICATE, _ENTRIES, _FILE_SIZE, _SIZE, _FORMAT.
 */
export async function readZip(bytes: Buffer): Promise<ArchiveFile[]> {
  const { default: yauzl } = await import("yauzl");
  let zip: ZipFile | undefined;
  try {
    zip = await yauzl.fromBufferPromise(bytes, { strictFileNames: true, validateEntrySizes: true });
    const files = await filesOf(zip);
    return withoutTop(files);
  } catch (error) {
    throw error instanceof PlinthError ? error : broken(error);
  } finally {
    zip?.close();
  }
}

async function filesOf(zip: ZipFile): Promise<ArchiveFile[]> {
  if (zip.entryCount > ARCHIVE_LIMITS.entries) throw refusal("ENTRIES", "its list", `the archive has more than ${ARCHIVE_LIMITS.entries} entries`);
  const files: ArchiveFile[] = [];
  const names = new NameSet();
  let entries = 0;
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    if (++entries > ARCHIVE_LIMITS.entries) throw refusal("ENTRIES", entry.fileName, `the archive has more than ${ARCHIVE_LIMITS.entries} entries`);
    const name = checkedName(entry);
    const twice = entry.fileName.endsWith("/") ? names.addFolder(name) : names.addFile(name);
    if (twice !== undefined) throw refusal("DUPLICATE", name, twice);
    if (names.size > ARCHIVE_LIMITS.entries) throw refusal("ENTRIES", name, `it unpacks to more than ${ARCHIVE_LIMITS.entries} files and folders`);
    if (entry.fileName.endsWith("/")) continue;
    if (entry.isEncrypted()) throw refusal("TYPE", name, "it is encrypted");
    if (entry.uncompressedSize > ARCHIVE_LIMITS.fileBytes) throw tooLarge("FILE_SIZE", name, ARCHIVE_LIMITS.fileBytes);
    total += entry.uncompressedSize;
    if (total > ARCHIVE_LIMITS.totalBytes) throw tooLarge("SIZE", name, ARCHIVE_LIMITS.totalBytes);
    files.push({ name, bytes: await contentOf(zip, entry) });
  }
  return files;
}

function checkedName(entry: Entry): string {
  const name = entry.fileName.replace(/\/$/, "");
  const type = (entry.externalFileAttributes >>> 16) & TYPE_MASK;
  if (type === LINK_TYPE) throw refusal("LINK", name, "it is a link");
  if (!PLAIN_TYPES.has(type)) throw refusal("TYPE", name, "its type is not a plain file or folder");
  const unsafe = nameProblem(name);
  if (unsafe !== undefined) throw refusal("NAME", name, unsafe);
  return name;
}

/** What is said of its size is counted again while it is unpacked. */
async function contentOf(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > entry.uncompressedSize) throw tooLarge("FILE_SIZE", entry.fileName, entry.uncompressedSize);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The one folder that everything lies in is not part of the package. */
function withoutTop(files: ArchiveFile[]): ArchiveFile[] {
  if (files.some(({ name }) => name === MANIFEST)) return files;
  const top = files[0]?.name.split("/", 1)[0];
  if (top === undefined || !files.every(({ name }) => name.startsWith(`${top}/`))) return files;
  return files.map(({ name, bytes }) => ({ name: name.slice(top.length + 1), bytes }));
}

/** A name from outside, made fit to print. */
const shown = (text: string) => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);

function refusal(kind: string, path: string, why: string): PlinthError {
  return new PlinthError(`PLINTH_ARCHIVE_${kind}`, `The archive was refused at ${shown(path)}: ${why}.`, { next, details: { entry: path } });
}

function tooLarge(kind: string, path: string, most: number): PlinthError {
  return refusal(kind, path, `it unpacks to more than ${most >= 1_048_576 ? `${most / 1_048_576} MiB` : `${most} bytes, which it says it has`}`);
}

function broken(cause: unknown): PlinthError {
  const why = reason(cause);
  // The library's own words for what it refuses while reading names.
  const kind = /invalid relative path|absolute path|invalid characters in fileName/i.test(why) ? "NAME" : "FORMAT";
  return new PlinthError(`PLINTH_ARCHIVE_${kind}`, `The archive cannot be read as a zip file: ${why}.`, {
    next: "Fetch or pack it again; when that does not help, tell its publisher.",
    cause,
  });
}
