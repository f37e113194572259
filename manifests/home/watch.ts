import { type FSWatcher, realpathSync, unwatchFile, watch, watchFile } from "node:fs";
import { basename, dirname } from "node:path";

/** Editors write, rename and set modes in a row: one look after all of it. */
const QUIET_MS = 150;
const POLL_MS = 1_000;

/**
 * Tell when files of a folder may have changed, whatever an editor does to that end: write, replace by a rename, or change
 * what a symbolic link leads to. The folders are watched, because a watched file is gone with a rename; where the system
 * refuses that, the files are looked at every second.
 *
 * @returns ends it.
 */
export function watchFiles(files: readonly string[], changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watchers: FSWatcher[] = [];
  let ended = false;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      // A link may lead elsewhere by now.
      open();
      changed();
    }, QUIET_MS).unref();
  };
  const poll = (): void => {
    close();
    for (const file of files) watchFile(file, { interval: POLL_MS, persistent: false }, changed);
  };
  const open = (): void => {
    close();
    if (ended) return;
    try {
      for (const [folder, names] of placesOf(files)) {
        const watcher = watch(folder, { persistent: false }, (_event, name) => (name === null || names.has(name)) && soon());
        watchers.push(watcher.on("error", poll));
      }
    } catch {
      poll();
    }
  };
  const close = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
    for (const file of files) unwatchFile(file, changed);
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    close();
  };
}

/** The folders in which the files are, and those of what they lead to. */
function placesOf(files: readonly string[]): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  for (const path of files.flatMap((file) => [file, targetOf(file)])) {
    const names = places.get(dirname(path)) ?? new Set();
    places.set(dirname(path), names.add(basename(path)));
  }
  return places;
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
