import { opendir, rmdir, unlink } from "node:fs/promises";
import { type OpenFolder, unless } from "./descent.ts";

/** What the smallest file takes, so that empty ones are not free. */
const BLOCK = 4_096;
const MAX_DEPTH = 64;

export const MAX_FILES = 10_000;

export const inBlocks = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / BLOCK) * BLOCK;

/** Bytes of everything below a folder, each file and folder in whole blocks. Stops above `enough`; too many or too deep is infinite. */
export async function sizeOfTree(folder: OpenFolder, enough: number, depth = 0, seen = { files: 0 }): Promise<number> {
  let total = 0;
  for await (const { name } of await opendir(folder.self)) {
    const found = await folder.look(name);
    if (found === null) continue;
    if (++seen.files > MAX_FILES || depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
    total += inBlocks(found.isFile() ? found.size : 0);
    if (found.isDirectory()) total += await inside(folder, name, (inner) => sizeOfTree(inner, enough - total, depth + 1, seen));
    if (total > enough) return total;
  }
  return total;
}

/** Links in it are removed, not followed. Names that come while it goes on make it fail. */
export async function removeTree(folder: OpenFolder, name: string, depth = 0): Promise<void> {
  if (depth > MAX_DEPTH) throw Object.assign(new Error("too deep"), { code: "ENAMETOOLONG" });
  await inside(folder, name, async (inner) => {
    const names: string[] = [];
    for await (const one of await opendir(inner.self)) names.push(one.name);
    for (const one of names) {
      if ((await inner.look(one))?.isDirectory()) await removeTree(inner, one, depth + 1);
      else await unlink(inner.child(one)).catch(unless("ENOENT"));
    }
  });
  await rmdir(folder.child(name));
}

async function inside<T>(folder: OpenFolder, name: string, body: (inner: OpenFolder) => Promise<T>): Promise<T> {
  const inner = await folder.enter(name);
  try {
    return await body(inner);
  } finally {
    await inner.close();
  }
}
