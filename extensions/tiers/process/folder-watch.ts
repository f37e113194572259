import { readFileSync } from "node:fs";
import { folderUse } from "./folder-use.ts";

const EVERY_MS = 50;
/** A folder that cannot be full yet is counted all the same, for the number of its files. */
const LONGEST_MS = 2_000;
/** How much longer than a count the pause after it is, where it was not needed yet. */
const REST = 10;
/** What one entry costs the host. */
const ENTRY_MS = 0.02;

export interface Watched {
  /** The folder; it may not be there. */
  readonly dir: string;
  readonly maxMb: number;
  /** The process that writes. */
  pid(): number;
  /** The host's time that it took. */
  cost(ms: number): void;
  onOver(why: string): void;
}

/**
 * Ends a process that keeps more in its own folder than it may. The file system has no quota for a folder, so it is counted, by what
 * files take on the disk. How much the process has written is one number of the system's, looked at twenty times a second: the
 * folder is counted when it may have become full by that.
 */
export class FolderWatch {
  readonly #watched: Watched;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #counting = false;
  #written = "";
  #known = { bytes: 0, written: 0, at: Number.NEGATIVE_INFINITY, tookMs: 0 };

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#maxBytes = watched.maxMb * 1024 ** 2;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#counting) return;
    const text = written(this.#watched.pid());
    if (text === this.#written) return;
    const bytes = [...text.matchAll(/\d+/g)].reduce((sum, [number]) => sum + Number(number), 0);
    const { bytes: had, written: before, at, tookMs } = this.#known;
    const passed = performance.now() - at;
    const full = had + bytes - before > this.#maxBytes;
    if (passed < (full ? tookMs : Math.max(LONGEST_MS, REST * tookMs))) return;
    this.#counting = true;
    this.#written = text;
    try {
      const began = performance.now();
      const use = await folderUse(this.#watched.dir, this.#watched.pid(), this.#maxBytes);
      if ("why" in use) {
        this.stop();
        return this.#watched.onOver(use.why);
      }
      this.#watched.cost(use.entries * ENTRY_MS);
      this.#known = { bytes: use.bytes, written: bytes, at: performance.now(), tookMs: performance.now() - began };
    } finally {
      this.#counting = false;
    }
  }
}

/** By system calls, and into pages of files: what is written through memory is only in the second. */
function written(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/io`, "utf8")
        .match(/^(wchar|write_bytes): \d+$/gm)
        ?.join(" ") ?? ""
    );
  } catch {
    // It ended meanwhile; or the system does not tell, and then it is counted always.
    return String(performance.now());
  }
}
