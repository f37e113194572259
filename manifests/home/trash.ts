import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, opendir, rename, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Folders are moved up while they are removed, so a pass sees each folder that is left; nobody adds any. */
const MOST_PASSES = 1_000_000;
/** What takes longer goes on beside, and where that does not end, at the next start. */
const WAIT_MS = 20_000;

const trashOf = (home: string): string => join(home, "trash");

/**
 * Take a folder out of the home at once, with one rename, whatever lies in it; then remove it. What cannot be removed now
 * is tried again at the next start: its name is free in any case.
 *
 * @param path of a file or folder on the home's file system; one that is not there is fine.
 */
export async function discard(home: string, path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  await mkdir(trashOf(home), { recursive: true, mode: 0o700 });
  if (found.isDirectory()) await chmod(path, 0o700);
  await rename(path, join(trashOf(home), randomUUID())).catch(async (thrown: NodeJS.ErrnoException) => {
    // A file system of its own is mounted there: only what it holds can go.
    if (thrown.code !== "EXDEV" && thrown.code !== "EBUSY") throw thrown;
    await empty(Buffer.from(path));
  });
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, WAIT_MS).unref();
  await Promise.race([emptyTrash(home), late.promise]);
  clearTimeout(timer);
}

/** Remove what was discarded before and could not be removed then. */
export async function emptyTrash(home: string): Promise<void> {
  try {
    await empty(Buffer.from(trashOf(home)));
    await rmdir(trashOf(home));
  } catch {
    // It was not there, or something in it stays for now.
  }
}

/**
 * Remove what a folder holds, of any shape: each folder in it gives its own folders to the top before it is removed, so no
 * path grows with the depth and nothing is held open on the way. Names are bytes: not all of them are text. Links are
 * removed, not followed.
 */
async function empty(top: Buffer): Promise<void> {
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    let left = 0;
    for await (const { name, isFolder } of entriesOf(top)) {
      left++;
      const path = below(top, name);
      if (!isFolder) await unlink(path).catch(unlessGone);
      else await dissolve(top, path);
    }
    if (left === 0) return;
  }
}

/** Its owner may have forbidden himself to read it, to change it or to move what is in it: asked for only where that is so. */
async function dissolve(top: Buffer, folder: Buffer): Promise<void> {
  try {
    await giveUp(top, folder, false);
  } catch (thrown) {
    if (!["EACCES", "EPERM"].includes((thrown as NodeJS.ErrnoException).code ?? "")) unlessGone(thrown as NodeJS.ErrnoException);
    else await giveUp(top, folder, true);
  }
}

async function giveUp(top: Buffer, folder: Buffer, locked: boolean): Promise<void> {
  if (locked) await chmod(folder, 0o700);
  for await (const { name, isFolder } of entriesOf(folder)) {
    const path = below(folder, name);
    if (isFolder && locked) await chmod(path, 0o700);
    await (isFolder ? rename(path, below(top, Buffer.from(randomUUID()))) : unlink(path)).catch(unlessGone);
  }
  await rmdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    // The list was cut short by what was taken from it meanwhile: the next pass sees the rest.
    if (thrown.code !== "ENOTEMPTY") throw thrown;
  });
}

async function* entriesOf(folder: Buffer): AsyncGenerator<{ name: Buffer; isFolder: boolean }> {
  for await (const entry of await opendir(folder as unknown as string, { encoding: "buffer" as BufferEncoding }))
    yield { name: entry.name as unknown as Buffer, isFolder: entry.isDirectory() };
}

const below = (folder: Buffer, name: Buffer): Buffer => Buffer.concat([folder, Buffer.from("/"), name]);

/** Another process of this home may be removing the same. */
function unlessGone(thrown: NodeJS.ErrnoException): void {
  if (thrown.code !== "ENOENT") throw thrown;
}
