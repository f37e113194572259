import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, readlink, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

export interface WriteOptions {
  /** Of a new file; default 0o600: for its owner alone. */
  mode?: number;
  /** Of folders that have to be made; default 0o700. */
  folderMode?: number;
  /** Change what a symbolic link leads to, not the link; the target keeps its mode. Default: the link is replaced. */
  follow?: boolean;
}

/** What a writer that died may leave: `.NAME.PID.RANDOM.tmp`. */
export const DRAFT = /^\..+\.(\d+)\.[0-9a-f]{12}\.tmp$/;

/** Where a file is written before it has its name. */
export const draftOf = (file: string): string => join(dirname(file), `.${basename(file)}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`);

/** Write a file so that a reader, or a crash, sees the old bytes or the new ones and nothing between. */
export async function writeAtomic(file: string, bytes: Uint8Array | string, options: WriteOptions = {}): Promise<void> {
  const target = options.follow === true ? await behindLinks(file) : { path: file };
  const folder = dirname(target.path);
  await mkdir(folder, { recursive: true, mode: options.folderMode ?? 0o700 });
  const draft = draftOf(target.path);
  try {
    const handle = await open(draft, "wx", target.mode ?? options.mode ?? 0o600);
    try {
      if (target.mode !== undefined) await handle.chmod(target.mode);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, target.path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
  await syncFolder(folder);
}

/** Makes a rename or removal durable; not every system lets a folder be synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Makes everything in a folder durable, itself included. */
export async function syncTree(folder: string): Promise<void> {
  const folders = new Set([folder]);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) folders.add(path);
    else if (entry.isFile()) await syncFolder(path);
  }
  for (const one of folders) await syncFolder(one);
}

async function behindLinks(file: string): Promise<{ path: string; mode?: number }> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isSymbolicLink() !== true) return { path: file };
  // A link that leads nowhere yet: its file is made.
  const path = await realpath(file).catch(async () => resolve(dirname(file), await readlink(file)));
  const target = await lstat(path).catch(() => undefined);
  return target?.isFile() ? { path, mode: target.mode & 0o777 } : { path };
}
