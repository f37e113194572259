import { chmodSync, closeSync, constants, fstatSync, lstatSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

export const SOCKET_FILE = "gateway.sock";
/** What a socket's address holds: 108 bytes on Linux, 104 on others, with a zero at the end. */
const ADDRESS_BYTES = 100;
const NOT_THE_OWNER = 0o077;

/**
 * The gateway's socket in a folder that is this user's alone. The folder is held by a descriptor: what was looked at is
 * what is used, and on Linux its path may be as long as it likes.
 */
export class LocalSocket implements Disposable {
  /** For `connect` and `listen`; valid until disposed. */
  readonly address: string;
  readonly #folder: number;

  private constructor(folder: number, address: string) {
    this.#folder = folder;
    this.address = address;
  }

  /** null where there are no such sockets, where the path is too long for one, or where others can get into the folder. */
  static in(folder: string): LocalSocket | null {
    if (process.getuid === undefined) return null;
    const fd = openFolder(folder);
    if (fd === null) return null;
    const { uid, mode } = fstatSync(fd);
    const address = process.platform === "linux" ? `/proc/self/fd/${fd}/${SOCKET_FILE}` : join(folder, SOCKET_FILE);
    if (uid === process.getuid() && (mode & NOT_THE_OWNER) === 0 && Buffer.byteLength(address) <= ADDRESS_BYTES && isThere(address)) {
      return new LocalSocket(fd, address);
    }
    closeSync(fd);
    return null;
  }

  /** Whether a socket of this user lies there: no link, no pipe, nothing that others may use. */
  get isSound(): boolean {
    try {
      const stat = lstatSync(this.address);
      return stat.isSocket() && stat.uid === process.getuid?.() && (stat.mode & NOT_THE_OWNER) === 0;
    } catch {
      return false;
    }
  }

  /** Take away what an earlier gateway left, whatever it is; a folder of that name stays and makes listening fail. */
  clear(): void {
    rmSync(this.address, { force: true });
  }

  /** For its user alone, whatever the umask was. */
  restrict(): void {
    chmodSync(this.address, 0o600);
  }

  [Symbol.dispose](): void {
    closeSync(this.#folder);
  }
}

function openFolder(folder: string): number | null {
  try {
    return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return null;
  }
}

/** The folder as the address names it: a machine without /proc has no such name. */
function isThere(address: string): boolean {
  try {
    return statSync(dirname(address)).isDirectory();
  } catch {
    return false;
  }
}
