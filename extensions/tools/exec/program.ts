import { createHash } from "node:crypto";
import { open, realpath } from "node:fs/promises";

const MOST = 256 * 1_048_576;
let known: { path: string; mtimeMs: number; size: number; sha256: string } | undefined;

/** The program that a path leads to now, and the digest of its bytes, read once while it stays the same. */
export async function programOf(path: string): Promise<{ path: string; sha256: string }> {
  const real = await realpath(path);
  await using file = await open(real, "r");
  const { mtimeMs, size } = await file.stat();
  if (known?.path === real && known.mtimeMs === mtimeMs && known.size === size) return { path: real, sha256: known.sha256 };
  if (size > MOST) throw new Error(`${real} is too large for a program`);
  const hash = createHash("sha256");
  for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
  known = { path: real, mtimeMs, size, sha256: hash.digest("hex") };
  return { path: real, sha256: known.sha256 };
}
