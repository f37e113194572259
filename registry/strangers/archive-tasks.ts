import { constants } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { unpackHere } from "../archive.ts";
import { ARCHIVE_LIMITS } from "../archive-limits.ts";
import { integrityMatches, integrityOf } from "../integrity.ts";
import { type Finding, scanPackage } from "../scan/index.ts";
import { reason } from "../system-error.ts";

export interface Unpacked {
  /** Names, as they came. */
  files: string[];
  /** Of all files together. */
  bytes: number;
  /** Of the archive itself, as it was read. */
  integrity: string;
}

export interface UnpackInput {
  source: string | Uint8Array;
  into: string;
  /** What it has to have; anything else is refused before it is read. */
  integrity?: string | undefined;
}

/** Check an archive and write its files, which is one and the same reading. */
export async function unpackArchive({ source, into, integrity }: UnpackInput): Promise<Unpacked> {
  const bytes = typeof source === "string" ? await readBounded(source) : bufferOf(source);
  if (integrity !== undefined && !integrityMatches(bytes, integrity)) {
    throw new PlinthError("PLINTH_INTEGRITY", "The archive is not the one that was described: its sha512 differs.", {
      next: "Do not install it; tell who runs the place that it comes from.",
    });
  }
  return { ...(await unpackHere(bytes, into)), integrity: integrityOf(bytes) };
}

export function integrityOfBytes({ bytes }: { bytes: Uint8Array }): string {
  return integrityOf(bufferOf(bytes));
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

/** What there is to say about a package's files, without running any. */
export async function scanFolder({ dir, manifest }: { dir: string; manifest: Manifest }): Promise<Finding[]> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(dir, path).replaceAll("\\", "/"), await readFile(path));
  }
  return scanPackage(manifest, files);
}

async function readBounded(path: string): Promise<Buffer> {
  // A pipe or a device that never answers must not be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw unreadable(path, reason(error));
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(path, "it is not a file");
    if (stat.size > ARCHIVE_LIMITS.totalBytes) throw unreadable(path, `it is larger than ${ARCHIVE_LIMITS.totalBytes / 1_048_576} MiB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function unreadable(path: string, why: string): PlinthError {
  return new PlinthError("PLINTH_ARCHIVE_FORMAT", `The archive ${path} cannot be read: ${why}.`, {
    next: "Check the path; archives are made with `plinth pack`.",
  });
}
