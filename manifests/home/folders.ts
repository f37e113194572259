import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Make a folder that somebody named, with those above it that are missing; what is there stays as it is. One at a time: Node's
 * recursive `mkdir` never comes back where the system refuses a folder as missing whose parent is there, as in `/proc`.
 *
 * @param mode of each that is made, less the umask; default 0777.
 * @throws the system's error.
 */
export function makeFolders(path: string, mode = 0o777): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (let found = statSync(at, { throwIfNoEntry: false }); found === undefined; found = statSync(at, { throwIfNoEntry: false })) {
    missing.push(at);
    at = dirname(at);
  }
  for (const one of missing.reverse()) makeOne(one, mode);
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else made it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}
