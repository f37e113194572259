import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const EVERY_MS = 250;
/** More entries than that are too many, whatever they hold; and nobody counts for ever. */
const MAX_ENTRIES = 20_000;

/**
 * Ends a process that keeps more in its own folder than it may. The file system has no quota for a folder, so it is counted:
 * four times a second while the process does something, by what files take on the disk.
 */
export class FolderWatch {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #worked: () => boolean;
  readonly #onOver: (why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #counting = false;

  /** @param worked whether it did anything since it was last asked. */
  constructor(dir: string, maxMb: number, worked: () => boolean, onOver: (why: string) => void) {
    this.#dir = dir;
    this.#maxBytes = maxMb * 1024 ** 2;
    this.#worked = worked;
    this.#onOver = onOver;
    this.#timer = setInterval(() => void this.#look(maxMb), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(maxMb: number): Promise<void> {
    if (this.#counting || !this.#worked()) return;
    this.#counting = true;
    try {
      if (!(await this.#over())) return;
      this.stop();
      this.#onOver(`it kept more than ${maxMb} MiB, or ${MAX_ENTRIES.toLocaleString("en")} files, in its folder`);
    } finally {
      this.#counting = false;
    }
  }

  async #over(): Promise<boolean> {
    let bytes = 0;
    let entries = 0;
    const open = [this.#dir];
    for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
      const listed = await opendir(dir).catch(() => null);
      if (listed === null) continue;
      for await (const entry of listed) {
        const path = join(dir, entry.name);
        if (entry.isDirectory()) open.push(path);
        // It may be gone again; what a link leads to is not in the folder.
        else bytes += ((await lstat(path).catch(() => null))?.blocks ?? 0) * 512;
        if (bytes > this.#maxBytes || ++entries > MAX_ENTRIES) return true;
      }
    }
    return false;
  }
}
