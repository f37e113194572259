import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { ARCHIVE_LIMITS, ARCHIVE_ROOT } from "./archive.ts";
import { NameSet, nameProblem } from "./entry-name.ts";

/** 1985-10-26T08:15:00Z, the time that npm gives each file, because some tools dislike 1970. */
const MTIME = new Date(499_162_500_000);
const BLOCK = 512;
const GZIP_OS_BYTE = 9;

/** Pack files into a tarball. The same files give the same bytes, whatever their order, age, owner or mode was. */
export async function packFiles(files: Iterable<readonly [name: string, bytes: Uint8Array | string]>): Promise<Buffer> {
  const { Header, Pax } = await import("tar");
  const names = new NameSet();
  const blocks: Buffer[] = [];
  const sorted = [...files].map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes as Uint8Array) }));
  sorted.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let total = 0;
  for (const { name, bytes } of sorted) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw unpackable("NAME", name, problem);
    const twice = names.addFile(name);
    if (twice !== undefined) throw unpackable("DUPLICATE", name, twice);
    if (bytes.length > ARCHIVE_LIMITS.fileBytes) throw unpackable("FILE_SIZE", name, "it is larger than 16 MiB");
    total += bytes.length;
    if (total > ARCHIVE_LIMITS.totalBytes) throw unpackable("SIZE", name, "with it the package is larger than 64 MiB");
    const path = `${ARCHIVE_ROOT}/${name}`;
    const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: MTIME, type: "File" });
    // Long or non-ASCII paths do not fit the old header; an extended one carries them.
    if (header.encode()) blocks.push(new Pax({ path }).encode());
    blocks.push(header.block!, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  }
  if (sorted.length > ARCHIVE_LIMITS.entries) {
    throw unpackable("ENTRIES", sorted.at(-1)!.name, `the package has more than ${ARCHIVE_LIMITS.entries} files`);
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  // The best level takes twice as long for half a percent.
  const packed = await promisify(gzip)(Buffer.concat(blocks), { level: 6 });
  // The one byte of the header that says which system packed it.
  packed[GZIP_OS_BYTE] = 0xff;
  return packed;
}

/** Pack a whole folder, as it is. `skip` leaves paths out. Links and special files are refused. */
export async function packDirectory(dir: string, skip: (name: string) => boolean = () => false): Promise<Buffer> {
  return packFiles(await readTree(dir, "", skip));
}

/** All plain files below `dir`, names relative to it and prefixed. */
export async function readTree(dir: string, prefix = "", skip: (name: string) => boolean = () => false): Promise<[name: string, bytes: Buffer][]> {
  const files: [string, Buffer][] = [];
  for (const child of (await readdir(dir)).sort()) {
    const name = prefix + child;
    if (skip(name)) continue;
    const path = join(dir, child);
    const stat = await lstat(path);
    if (stat.isDirectory()) files.push(...(await readTree(path, `${name}/`, skip)));
    else files.push([name, await readPlainFile(path, name)]);
    if (files.length > ARCHIVE_LIMITS.entries) {
      throw unpackable("ENTRIES", name, `the package has more than ${ARCHIVE_LIMITS.entries} files`);
    }
  }
  return files;
}

/** A file's bytes, through a descriptor that cannot be a link or a device. */
export async function readPlainFile(path: string, name: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    throw error?.code === "ELOOP" ? unpackable("LINK", name, "it is a link") : error;
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unpackable("TYPE", name, "it is not a plain file");
    if (stat.size > ARCHIVE_LIMITS.fileBytes) throw unpackable("FILE_SIZE", name, "it is larger than 16 MiB");
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function unpackable(kind: string, name: string, why: string): PlinthError {
  return new PlinthError(`PLINTH_ARCHIVE_${kind}`, `${JSON.stringify(name)} cannot be packed: ${why}.`, {
    next: "Rename it, shrink it or leave it out, then pack again.",
    details: { entry: name },
  });
}
