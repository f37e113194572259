import { chmodSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { entryAt, ownUser } from "./access.ts";
import { assertPrivateHome } from "./examination.ts";

/** The home folder that an environment chooses: PLINTH_HOME, else ~/.plinth. */
export const homeOf = (env: Readonly<Record<string, string | undefined>>): string =>
  resolve(env.PLINTH_HOME !== undefined && env.PLINTH_HOME !== "" ? env.PLINTH_HOME : join(homedir(), ".plinth"));

/**
 * Make what is missing of the home, for its owner alone whatever the umask, and refuse one that others could change.
 *
 * @throws PLINTH_HOME_OPEN, PLINTH_HOME_FOREIGN.
 */
export function makePrivateHome(home: string): void {
  assertPrivateHome(home);
  const made = [home, join(home, "state")].filter((path) => entryAt(path) === undefined);
  if (made.length === 0) return;
  for (const path of made) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (ownUser() !== undefined) chmodSync(path, 0o700);
  }
  // Somebody else may have made it in the meantime, in a folder that is everybody's.
  assertPrivateHome(home);
}
