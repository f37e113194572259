import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { accessOf, entryAt, ownUser } from "./access.ts";

/** The cache, a folder for each version of Node, the compiled code. */
const DEPTH = 2;

/**
 * The folder for compiled code of the host. Code from it runs with everything that the host may do, so one in which others
 * could put something is thrown away first; null where that fails, and then everything is compiled anew.
 */
export function codeCacheOf(home: string): string | null {
  const folder = join(home, "cache");
  const cache = join(folder, "compile");
  try {
    if (entryAt(cache) !== undefined && (!isPrivateTree(folder, 0) || !isPrivateTree(cache, DEPTH))) {
      rmSync(folder, { recursive: true, force: true });
    }
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    return isPrivateTree(folder, 0) && isPrivateTree(cache, 0) ? cache : null;
  } catch {
    return null;
  }
}

/** Whether what lies there, `depth` levels down, is for nobody else to change. A link leads where others may be. */
function isPrivateTree(path: string, depth: number, user = ownUser()): boolean {
  const stat = entryAt(path);
  if (stat === undefined || stat.isSymbolicLink() || accessOf(stat, user) !== "private") return false;
  return !stat.isDirectory() || depth === 0 || readdirSync(path).every((name) => isPrivateTree(join(path, name), depth - 1, user));
}
