import { constants } from "node:fs";
import type { GrantedPath } from "@plinth/sdk/tiers";
import type { OpenFolder } from "./descent.ts";
import { failures } from "./errors.ts";

const MAX_READ = 2_097_152;

/** Bytes of a plain file: all of them when they fit into one request, otherwise the part that was asked for. */
export async function readPart(
  extension: string,
  path: GrantedPath,
  folder: OpenFolder,
  name: string,
  { offset = 0, length }: { offset?: number; length?: number },
): Promise<Uint8Array> {
  const { asked } = path;
  // A look first: opening a device may do something. What counts is what was opened.
  const seen = name === "." ? await folder.stat() : await folder.look(name);
  if (seen === null) throw failures.missing(extension, asked);
  if (!seen.isFile()) throw failures.kind(extension, asked, seen.isDirectory() ? "a folder" : seen.isSymbolicLink() ? "a link" : "no plain file");
  const file = await folder.open(name, constants.O_RDONLY);
  try {
    const { size, nlink, ...found } = await file.stat();
    if ((found.mode & constants.S_IFMT) !== constants.S_IFREG) throw failures.kind(extension, asked, "no plain file");
    // Nothing of the host puts hard links there: its other name may lie anywhere.
    if (nlink > 1 && path.folder.name === "data") throw failures.kind(extension, asked, "known by another name too (a hard link)");
    const wanted = length ?? Math.max(0, size - offset);
    if (wanted > MAX_READ)
      throw failures.quota(extension, `one request reads at most ${MAX_READ} bytes`, "Read it in parts, with offset and length.");
    const bytes = Buffer.allocUnsafe(wanted);
    let end = 0;
    while (end < wanted) {
      const { bytesRead } = await file.read(bytes, end, wanted - end, offset + end);
      if (bytesRead === 0) break;
      end += bytesRead;
    }
    return bytes.subarray(0, end);
  } finally {
    await file.close();
  }
}
