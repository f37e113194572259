import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { PlinthError } from "@plinth/sdk";
import { withoutMark } from "@plinth/sdk/home";

const MAX_BYTES = 8 * 1_024 * 1_024;
/** Neither a link nor a wait: a pipe would block until somebody writes into it. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o044;

/**
 * What stands in a file of this extension's as JSON; undefined where there is none. What somebody else could have written is not
 * believed, as it names programs and servers; what others could read is made its owner's alone.
 *
 * @throws PLINTH_CREDENTIAL_FILE
 */
export async function readOwn(path: string): Promise<unknown> {
  const file = await open(path, FLAGS).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return undefined;
    throw unreadable(path, "cannot be opened");
  });
  if (file === undefined) return undefined;
  try {
    return await checked(path, file);
  } finally {
    await file.close();
  }
}

/** The checks act on the open file. */
async function checked(path: string, file: FileHandle): Promise<unknown> {
  const found = await file.stat();
  if (!found.isFile() || found.size > MAX_BYTES) throw unreadable(path, "is not what was written there");
  if (process.platform !== "win32") {
    if (found.uid !== process.getuid?.()) throw unreadable(path, "belongs to another user");
    if ((found.mode & OTHERS_WRITE) !== 0) throw unreadable(path, "can be written by others", `Look at what stands in it, then: chmod 600 '${path}'`);
    if ((found.mode & OTHERS_READ) !== 0) await file.chmod(0o600).catch(() => {});
  }
  try {
    return JSON.parse(withoutMark(await file.readFile("utf8")));
  } catch {
    // What the parser says would show a piece of it.
    throw unreadable(path, "cannot be read as what it was written as");
  }
}

export const unreadable = (path: string, why: string, next = "Put it right, or move it away and add the credentials again."): PlinthError =>
  new PlinthError("PLINTH_CREDENTIAL_FILE", `${path} ${why}.`, { extension: "plinth.credentials", next });
