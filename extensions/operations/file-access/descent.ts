import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
/** Where descriptors have names: a child is then opened below the descriptor of its folder, whatever becomes of the path. */
const byDescriptor = process.platform === "linux";

/** An open folder. It stays the same one, also when it is moved or something else takes its name. */
export class OpenFolder {
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  /** A granted folder. The way to it is the owner's and may hold links. */
  static async root(path: string): Promise<OpenFolder> {
    const real = await realpath(path);
    return new OpenFolder(await open(real, FOLDER), real);
  }

  /** What a system call takes for a child of this very folder. `name` is one step, never `..`. */
  child(name: string): string {
    return byDescriptor ? `/proc/self/fd/${this.#handle.fd}/${name}` : join(this.#path, name);
  }

  get fd(): number {
    return this.#handle.fd;
  }

  /** This folder itself. */
  get self(): string {
    return byDescriptor ? `/proc/self/fd/${this.#handle.fd}` : this.#path;
  }

  async enter(name: string): Promise<OpenFolder> {
    const handle = await this.open(name, FOLDER);
    return new OpenFolder(handle, join(this.#path, name));
  }

  async enterOrMake(name: string): Promise<OpenFolder> {
    return this.enter(name).catch(async (thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== "ENOENT") throw thrown;
      await mkdir(this.child(name)).catch(unless("EEXIST"));
      const made = await this.enter(name);
      await this.#give(made.#handle);
      return made;
    });
  }

  /** Open a child that is no link; it is never waited for. */
  async open(name: string, flags: number, mode?: number): Promise<FileHandle> {
    const handle = await open(this.child(name), flags | O_NOFOLLOW | O_NONBLOCK, mode);
    try {
      if (!byDescriptor) await this.#verify(handle, name);
      return handle;
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** A new file: it belongs to whom the folder belongs, also where the host is root and the folder another user's. */
  async create(name: string, flags: number, mode?: number): Promise<FileHandle> {
    const handle = await this.open(name, flags, mode);
    try {
      await this.#give(handle);
      return handle;
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  async #give(handle: FileHandle): Promise<void> {
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = await this.stat();
    await handle.chown(uid, gid);
  }

  /** Of the child itself, also when it is a link; null when there is none. */
  look(name: string): Promise<Stats | null> {
    return lstat(this.child(name)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "ENOENT") return null;
      throw thrown;
    });
  }

  stat(): Promise<Stats> {
    return this.#handle.stat();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Without names for descriptors: what was opened must be what really lies inside this folder's real path. */
  async #verify(handle: FileHandle, name: string): Promise<void> {
    const real = await realpath(join(this.#path, name));
    const [opened, there] = [await handle.stat(), await stat(real)];
    if (real.startsWith(this.#path.endsWith(sep) ? this.#path : this.#path + sep) && opened.dev === there.dev && opened.ino === there.ino) return;
    throw Object.assign(new Error("it was moved while it was opened"), { code: "ELOOP" });
  }
}

/** Go down from `root` and run `body` in the folder that is reached; what is opened on the way is closed. */
export async function descend<T>(root: OpenFolder, steps: readonly string[], make: boolean, body: (folder: OpenFolder) => Promise<T>): Promise<T> {
  let folder = root;
  try {
    for (const step of steps) {
      const inner = make ? await folder.enterOrMake(step) : await folder.enter(step);
      if (folder !== root) await folder.close();
      folder = inner;
    }
    return await body(folder);
  } finally {
    if (folder !== root) await folder.close();
  }
}

export const unless =
  (...codes: string[]) =>
  (thrown: NodeJS.ErrnoException): void => {
    if (!codes.includes(thrown.code ?? "")) throw thrown;
  };
