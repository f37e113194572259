import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "./canonical-json.ts";
import type { Manifest } from "./schema/extension.ts";
import { PlinthError } from "./wire/error.ts";

const MAX_FILES = 4_000;
const MAX_BYTES = 256 * 1_048_576;

export const sha = (algorithm: "sha256" | "sha512", data: string | Uint8Array): string => createHash(algorithm).update(data).digest("hex");

/** Read a file without following a link in its last component. */
export async function readPlain(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > MAX_BYTES) throw new Error("not a plain file, or too large");
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * sha512 over the sorted (path, sha512 of content) pairs of a tree. Links and special files refuse.
 * `capture`: a path whose bytes, as hashed, come back too.
 */
export async function treeDigest(owner: string, root: string, capture?: string): Promise<{ digest: string; captured?: Buffer }> {
  let captured: Buffer | undefined;
  const hash = createHash("sha512");
  let files = 0;
  let bytes = 0;
  const walk = async (below: string): Promise<void> => {
    const entries = await readdir(join(root, below), { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) {
        const data = await readPlain(join(root, path));
        bytes += data.length;
        if (++files > MAX_FILES || bytes > MAX_BYTES) throw refused(owner, "it has too many files or bytes");
        if (path === capture) captured = data;
        hash.update(lineOf(path, data));
      } else throw refused(owner, `${path} is neither a file nor a folder`);
    }
  };
  await walk("");
  return { digest: hash.digest("hex"), ...(captured ? { captured } : {}) };
}

/** The digest of the tree that these files would be; paths with `/`. */
export function filesDigest(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash("sha512");
  // As a walk meets them: folder by folder, each among its neighbours by its own name.
  const parted = [...files].map(([path, data]) => ({ path, data, parts: path.split("/") }));
  parted.sort((a, b) => {
    const at = a.parts.findIndex((part, index) => part !== b.parts[index]);
    return (a.parts[at] ?? "") < (b.parts[at] ?? "") ? -1 : 1;
  });
  for (const { path, data } of parted) hash.update(lineOf(path, data));
  return hash.digest("hex");
}

const lineOf = (path: string, data: Uint8Array): string => `${JSON.stringify(path)} ${sha("sha512", data)}\n`;

/** What an owner's consent is bound to. */
export function consentHash(manifest: Manifest, digest: string): string {
  const { permissions, provides, uses, hooks, extensions } = manifest;
  return sha("sha256", canonicalJson({ digest, permissions, provides, uses, hooks, extensions }));
}

const refused = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_PACKAGE", `The package of ${extension} is refused: ${why}.`, {
    extension,
    next: "Ask its author for a clean package.",
  });
