import { constants, realpathSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { PlinthError } from "@plinth/sdk";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const MAX_LINKS = 16;

/**
 * Where descriptors have names. With it a child is opened below the descriptor of its folder, as openat would, so that
 * nothing that happens to the path meanwhile matters. Without it (not Linux) real paths are used, which leaves a race.
 */
const byDescriptor = process.platform === "linux";

/** An open folder that was reached from the workspace's root without leaving it. */
export interface Folder {
  readonly handle: FileHandle;
  /** Its path when it was opened, below the root, for people. */
  readonly path: string;
  /** A path for system calls that means the child of this very folder. */
  child(name: string): string;
}

/** A file's place: its open folder and its own name, which is no link. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
}

/** Open the workspace for one call, and close all that was opened in it. */
export async function withWorkspace<T>(path: unknown, body: (workspace: Workspace) => Promise<T>): Promise<T> {
  const missing = (message: string, cause?: unknown) =>
    new PlinthError("PLINTH_WORKSPACE_MISSING", message, { next: "Call the tool from a conversation that has a workspace.", cause });
  if (typeof path !== "string" || !isAbsolute(path)) throw missing("This conversation has no workspace.");
  const root = await open(path, O_RDONLY | O_DIRECTORY).catch((cause) => {
    throw missing("The workspace of this conversation cannot be opened.", cause);
  });
  const workspace = new Workspace(path, root);
  try {
    return await body(workspace);
  } finally {
    await workspace.close();
  }
}

export class Workspace {
  readonly #given: string;
  readonly #root: FileHandle;
  readonly #opened: FileHandle[];
  #real: string | undefined;

  constructor(given: string, root: FileHandle) {
    this.#given = given;
    this.#root = root;
    this.#opened = [root];
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((handle) => handle.close().catch(() => {})));
  }

  /** Close one folder early, such as while a tree is walked. */
  async release({ handle }: Folder): Promise<void> {
    if (handle !== this.#root) await this.closeFile(handle);
  }

  async closeFile(handle: FileHandle): Promise<void> {
    const at = this.#opened.indexOf(handle);
    if (at >= 0) this.#opened.splice(at, 1);
    await handle.close();
  }

  /** The folder at `path`; "" is the root. */
  async folder(path: string): Promise<Folder> {
    const reached = await this.#walk(path, { wanted: "folder", create: false });
    return reached.folder;
  }

  /** The place of a file that may or may not exist. Links on the way are followed as long as they stay inside. */
  async place(path: string, options: { create?: boolean; followLast?: boolean } = {}): Promise<Place> {
    const { create = false, followLast = true } = options;
    const { folder, name } = await this.#walk(path, { wanted: "file", create, followLast });
    if (name === undefined) throw notAFile(path, "a folder");
    return { folder, name };
  }

  /** Open a regular file for reading; what counts is where its descriptor is. */
  async openFile({ folder, name }: Place): Promise<FileHandle> {
    const handle = await open(folder.child(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    this.#opened.push(handle);
    const stat = await handle.stat();
    if (!stat.isFile()) throw notAFile(name, stat.isDirectory() ? "a folder" : "not a regular file");
    await this.#verify(handle, folder.child(name));
    return handle;
  }

  /** Where a place really is, for remembering it. */
  async realPath({ folder, name }: Place): Promise<string> {
    return join(await realPathOf(folder.handle, folder.child(".")), name);
  }

  /** A folder inside an open folder; links are not followed. */
  async subfolder(folder: Folder, name: string): Promise<Folder> {
    return this.#open(folder, name);
  }

  async #walk(path: string, want: { wanted: "file" | "folder"; create: boolean; followLast?: boolean }): Promise<{ folder: Folder; name?: string }> {
    const root: Folder = { handle: this.#root, path: "", child: childOf(this.#root, this.#given) };
    const stack = [root];
    const queue = await this.#components(path);
    for (let links = 0; queue.length > 0; ) {
      const name = queue.shift()!;
      const folder = stack.at(-1)!;
      if (name === "..") {
        if (stack.length === 1) throw outside(path);
        await this.release(stack.pop()!);
        continue;
      }
      const last = queue.length === 0;
      const stat = await lstat(folder.child(name)).catch(unlessMissing);
      if (stat?.isSymbolicLink() && !(last && want.followLast === false)) {
        if (++links > MAX_LINKS) throw new PlinthError("PLINTH_PATH_OUTSIDE", "The path has too many links.", { next: "Name the file itself." });
        const target = await readlink(folder.child(name));
        if (isAbsolute(target)) {
          queue.unshift(...(await this.#components(target)));
          for (const left of stack.splice(1)) await this.release(left);
        } else queue.unshift(...split(target));
        continue;
      }
      if (last && want.wanted === "file" && !stat?.isDirectory()) return { folder, name };
      if (last && want.wanted === "file") throw notAFile(path, "a folder");
      if (!stat && want.create) {
        await mkdir(folder.child(name)).catch((error) => {
          if (error.code !== "EEXIST") throw error;
        });
      }
      stack.push(await this.#open(folder, name));
    }
    const folder = stack.pop()!;
    for (const left of stack) await this.release(left);
    return { folder };
  }

  async #open(folder: Folder, name: string): Promise<Folder> {
    const path = folder.child(name);
    const handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.#opened.push(handle);
    await this.#verify(handle, path);
    return { handle, path: join(folder.path, name), child: childOf(handle, path) };
  }

  /** Steps from the root. An absolute path must name something below it, as given or as it really is. */
  async #components(path: string): Promise<string[]> {
    if (path.includes("\0") || path.length > 4096) throw outside(path);
    if (!isAbsolute(path)) return split(path);
    for (const root of [this.#given, await this.#realRoot()]) {
      if (path === root) return [];
      if (path.startsWith(root.endsWith(sep) ? root : root + sep)) return split(path.slice(root.length));
    }
    throw outside(path);
  }

  /** The second lock on the door: the descriptor's own path must lie inside the root's. */
  async #verify(handle: FileHandle, path: string): Promise<void> {
    const real = await realPathOf(handle, path);
    const root = await this.#realRoot();
    if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) throw outside(path);
  }

  async #realRoot(): Promise<string> {
    this.#real ??= await realPathOf(this.#root, this.#given);
    return this.#real;
  }
}

function childOf(handle: FileHandle, path: string): (name: string) => string {
  if (byDescriptor) return (name) => `/proc/self/fd/${handle.fd}/${name}`;
  const real = realpathSync(path);
  return (name) => join(real, name);
}

const realPathOf = (handle: FileHandle, path: string): Promise<string> => (byDescriptor ? readlink(`/proc/self/fd/${handle.fd}`) : realpath(path));

const split = (path: string): string[] => path.split(sep).filter((name) => name !== "" && name !== ".");

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function outside(path: string): PlinthError {
  return new PlinthError("PLINTH_PATH_OUTSIDE", `"${path.slice(0, 200).replace(/\0/g, "\\0")}" is not inside the workspace.`, {
    next: "Name a path below the workspace.",
  });
}

function notAFile(path: string, kind: string): PlinthError {
  return new PlinthError("PLINTH_FILE_KIND", `"${path.slice(0, 200)}" is ${kind}.`, { next: "Name a regular file." });
}
