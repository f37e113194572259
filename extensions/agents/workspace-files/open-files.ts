import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** Where descriptors have names, a file is opened below the descriptor of its folder, as openat would. */
const byDescriptor = process.platform === "linux";

/** The workspace's own folder, open: what happens to its path meanwhile does not matter. */
export interface OpenFolder {
  /** Where it really is. */
  readonly real: string;
  /** A path for system calls that means the child of this very folder. */
  child(name: string): string;
  /**
   * A regular file of it, open. A link is followed as long as it stays inside.
   *
   * @returns `missing`; `refused` where it leads out of the folder, or is no file
   */
  file(name: string): Promise<FileHandle | "missing" | "refused">;
  close(): Promise<void>;
}

/** undefined: it is not there. */
export async function openFolder(path: string): Promise<OpenFolder | undefined> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY).catch(missing);
  if (handle === undefined) return undefined;
  const real = byDescriptor ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(path);
  const child = (name: string): string => (byDescriptor ? `/proc/self/fd/${handle.fd}/${name}` : join(real, name));
  const isWithin = (file: string): boolean => file.startsWith(real.endsWith(sep) ? real : real + sep);

  /** What counts is where the descriptor is, not what was asked for. */
  const opened = async (at: string): Promise<FileHandle | "refused"> => {
    const file = await open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const is = byDescriptor ? await readlink(`/proc/self/fd/${file.fd}`) : await realpath(at);
      if ((await file.stat()).isFile() && isWithin(is)) return file;
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return "refused";
  };

  return {
    real,
    child,
    close: () => handle.close(),
    async file(name) {
      try {
        if (!(await lstat(child(name))).isSymbolicLink()) return await opened(child(name));
        const target = await realpath(child(name));
        return isWithin(target) ? await opened(target) : "refused";
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // A link that leads nowhere says where to: it is not just missing.
        return code === "ENOENT" && !(await isLink(child(name))) ? "missing" : "refused";
      }
    },
  };
}

const isLink = (path: string): Promise<boolean> =>
  lstat(path).then(
    (stat) => stat.isSymbolicLink(),
    () => false,
  );

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
