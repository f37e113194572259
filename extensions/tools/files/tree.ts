import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import type { Folder, Workspace } from "./workspace.ts";

/** Folders that are listed but not entered. */
const SKIPPED = new Set(["node_modules", ".git"]);
const MAX_NAMES = 20_000;

export interface TreeEntry {
  readonly folder: Folder;
  readonly dirent: Dirent;
  /** Below the folder that the walk began at. */
  readonly path: string;
}

/** Everything below a folder, sorted by name, folders followed by their contents; links are not followed. */
export async function* walkTree(workspace: Workspace, folder: Folder, depth: number, signal: AbortSignal, prefix = ""): AsyncGenerator<TreeEntry> {
  const dirents: Dirent[] = [];
  for await (const dirent of await opendir(folder.child("."))) {
    signal.throwIfAborted();
    if (dirents.push(dirent) >= MAX_NAMES) break;
  }
  dirents.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const dirent of dirents) {
    const path = prefix + dirent.name;
    yield { folder, dirent, path };
    if (depth <= 1 || !dirent.isDirectory() || SKIPPED.has(dirent.name)) continue;
    // A folder that vanished or became a link meanwhile has no contents.
    const inner = await workspace.subfolder(folder, dirent.name).catch(() => undefined);
    if (!inner) continue;
    try {
      yield* walkTree(workspace, inner, depth - 1, signal, `${path}/`);
    } finally {
      await workspace.release(inner);
    }
  }
}
