import { PlinthError } from "@plinth/sdk";
import { FOLDER_MB, FolderWatch, folderUse, type GrantedFolder } from "@plinth/sdk/tiers";
import type { RunningProgram } from "./running-program.ts";

/** Nobody pays for the host's counting: where a folder may be full, it is at most a fifth of the time, else a fortieth. */
const REST = 4;
/** Above the budget for a single file: what is over it ends with a code, and not by a signal that says nothing. */
const MORE_MB = 16;
/** A count stays true for so much longer than it took; then the folder is counted again before the next program. */
const KNOWN = 10;

/** An extension's own folder, as a program of it may write there. */
export interface OwnFolder {
  readonly extension: string;
  readonly path: string;
  readonly maxMb: number;
}

interface Place {
  readonly runs: Set<RunningProgram>;
  readonly watch: FolderWatch;
}

/** The extension's own folder among those that a program sees; null where it may not write there. */
export function ownFolder(extension: string, folders: readonly GrantedFolder[], storageMb = FOLDER_MB): OwnFolder | null {
  const own = folders.find(({ name, write }) => name === "data" && write);
  return own === undefined ? null : { extension, path: own.path, maxMb: storageMb };
}

/** Of one file, where a program writes nowhere else; a workspace may hold larger files than an extension may keep. */
export const fileLimit = (own: OwnFolder | null, folders: readonly GrantedFolder[]): { maxFileBytes?: number } =>
  own !== null && folders.every(({ path, write }) => !write || path === own.path) ? { maxFileBytes: (own.maxMb + MORE_MB) * 1024 ** 2 } : {};

/** What programs keep in their extension's own folder: all of one extension are watched together, and what they wrote stays. */
export class OwnFolders {
  readonly #places = new Map<string, Place>();
  readonly #counted = new Map<string, { why: string | null; until: number }>();

  /** Throws `PLINTH_QUOTA` as long as the folder keeps more than it may. */
  async assertRoom(own: OwnFolder, program: string): Promise<void> {
    const now = performance.now();
    for (const [path, { until }] of this.#counted) if (until <= now) this.#counted.delete(path);
    const why = this.#counted.has(own.path) ? this.#counted.get(own.path)?.why : await this.#count(own, []);
    if (why != null) throw full(own.extension, `${own.extension} cannot run ${program} now: ${why}.`);
  }

  /** From now on until it is over. */
  watch(own: OwnFolder, run: RunningProgram): void {
    const place = this.#places.get(own.path) ?? this.#placeOf(own);
    this.#places.set(own.path, place);
    place.runs.add(run);
    void run.closed.then(() => {
      place.runs.delete(run);
      if (place.runs.size > 0) return;
      place.watch.stop();
      this.#places.delete(own.path);
    });
  }

  /** A program ended by itself, maybe before anybody looked. Throws as if it had been ended. */
  async left(own: OwnFolder, program: string): Promise<void> {
    const others = [...(this.#places.get(own.path)?.runs ?? [])].flatMap(({ pids }) => pids);
    const why = await this.#count(own, others);
    if (why !== null) throw full(own.extension, overOf(own, program, why));
  }

  async #count(own: OwnFolder, pids: readonly number[]): Promise<string | null> {
    const began = performance.now();
    const use = await folderUse(own.path, pids, own.maxMb * 1024 ** 2);
    const now = performance.now();
    const why = "why" in use ? use.why : null;
    this.#counted.set(own.path, { why, until: now + KNOWN * (now - began) });
    return why;
  }

  #placeOf(own: OwnFolder): Place {
    const runs = new Set<RunningProgram>();
    const watch = new FolderWatch({
      ...{ dir: own.path, maxMb: own.maxMb, start: true, rest: REST },
      pids: () => [...runs].flatMap(({ pids }) => pids),
      onOver: (why) => {
        for (const run of runs) run.fail(full(own.extension, overOf(own, run.program, why)));
      },
    });
    return { runs, watch };
  }
}

const overOf = ({ extension }: OwnFolder, program: string, why: string): string => `${program} of ${extension} was ended: ${why}.`;

const full = (extension: string, message: string): PlinthError =>
  new PlinthError("PLINTH_QUOTA", message, {
    extension,
    next: "What is there stays. Remove some of it, or allow more (budgets.storageMb); until then no program runs that writes there.",
  });
