import { chmodSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isPlinthError, PlinthError } from "../wire/error.ts";
import { entryAt, ownUser } from "./access.ts";
import { assertPrivateHome } from "./examination.ts";
import { makeFolders } from "./folders.ts";

/** The home folder that an environment chooses: PLINTH_HOME, else ~/.plinth. */
export const homeOf = (env: Readonly<Record<string, string | undefined>>): string =>
  resolve(env.PLINTH_HOME !== undefined && env.PLINTH_HOME !== "" ? env.PLINTH_HOME : join(homedir(), ".plinth"));

/**
 * Make what is missing of the home, for its owner alone whatever the umask, and refuse one that others could change.
 *
 * @throws PLINTH_HOME_OPEN, PLINTH_HOME_FOREIGN, PLINTH_HOME_UNUSABLE.
 */
export function makePrivateHome(home: string): void {
  try {
    assertPrivateHome(home);
    const made = [home, join(home, "state")].filter((path) => entryAt(path) === undefined);
    if (made.length === 0) return;
    for (const path of made) {
      makeFolders(path, 0o700);
      if (ownUser() !== undefined) chmodSync(path, 0o700);
    }
    // Somebody else may have made it in the meantime, in a folder that is everybody's.
    assertPrivateHome(home);
  } catch (error) {
    if (isPlinthError(error)) throw error;
    throw new PlinthError("PLINTH_HOME_UNUSABLE", `The home folder ${home} cannot be used: ${(error as Error).message}.`, {
      next: "Choose a folder that you may write: PLINTH_HOME=DIR",
      cause: error,
    });
  }
}
