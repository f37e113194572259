import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { folderUse, MAX_ENTRIES } from "./folder-use.ts";

/** Of its own folder, where an extension states no `budgets.storageMb`. */
export const FOLDER_MB = 256;
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
  /** The processes that write. */
  pids(): readonly number[];
  /** They start others, and what those wrote for whom nobody waited is in no counter: the disk tells. Default: one that does not. */
  readonly start?: boolean;
  /** How many times longer the pauses between counts are than for one that pays for the host's time; default 1. */
  readonly rest?: number;
  /** The host's time that it took. */
  cost?(ms: number): void;
  onOver(why: string): void;
}

/** How far it has grown, at most: compared with how far it had. */
interface Mark {
  /** The same as long as nobody wrote anything. */
  readonly sign: string;
  readonly bytes: number;
  readonly entries: number;
}

const NOTHING: Mark = { sign: "", bytes: 0, entries: 0 };

/**
 * Ends processes that keep more in a folder than they may. The file system has no quota for a folder, so it is counted, by what
 * files take on the disk. How much a process has written, or how much of the disk is taken, is one number of the system's, looked
 * at twenty times a second: the folder is counted when it may have become full by that.
 */
export class FolderWatch {
  readonly #watched: Watched;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #counting = false;
  #known = { bytes: 0, entries: 0, mark: NOTHING, at: Number.NEGATIVE_INFINITY, tookMs: 0 };

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
    this.#counting = true;
    try {
      const { dir, start = false, rest = 1 } = this.#watched;
      const pids = (): readonly number[] => this.#watched.pids();
      const mark = start ? await taken(dir) : written(pids());
      const { bytes, entries, mark: before, at, tookMs } = this.#known;
      if (mark.sign === before.sign) return;
      const full = bytes + mark.bytes - before.bytes > this.#maxBytes || entries + mark.entries - before.entries > MAX_ENTRIES;
      const pauseMs = rest * (full ? tookMs : Math.max(LONGEST_MS / rest, REST * tookMs));
      const began = performance.now();
      if (began - at < pauseMs) return;
      const use = await folderUse(dir, pids(), this.#maxBytes);
      if ("why" in use) {
        this.stop();
        return this.#watched.onOver(use.why);
      }
      this.#watched.cost?.(use.entries * ENTRY_MS);
      const now = performance.now();
      this.#known = { ...use, mark, at: now, tookMs: now - began };
    } finally {
      this.#counting = false;
    }
  }
}

/** By system calls, and into pages of files: what is written through memory is only in the second. */
function written(pids: readonly number[]): Mark {
  try {
    const sign = pids.map((pid) => readFileSync(`/proc/${pid}/io`, "utf8").match(/^(wchar|write_bytes): \d+$/gm)).join(" ");
    return { sign, bytes: [...sign.matchAll(/\d+/g)].reduce((sum, [number]) => sum + Number(number), 0), entries: 0 };
  } catch {
    // It ended meanwhile; or the system does not tell, and then it is counted always.
    return unknown();
  }
}

/** Of the whole disk: who else writes on it makes that the folder is counted sooner than it had to be. */
async function taken(dir: string): Promise<Mark> {
  try {
    const { blocks, bfree, bsize, files, ffree } = await statfs(dir);
    const [bytes, entries] = [(blocks - bfree) * bsize, files - ffree];
    return { sign: `${bytes} ${entries}`, bytes, entries };
  } catch {
    return unknown();
  }
}

const unknown = (): Mark => ({ sign: String(performance.now()), bytes: 0, entries: 0 });
