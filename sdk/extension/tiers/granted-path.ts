import { PlinthError } from "../errors.ts";

/** A folder as the host says that it was granted. */
export interface GrantedFolder {
  readonly name: string;
  readonly path: string;
  readonly write: boolean;
}

export interface GrantedPath {
  /** The innermost granted folder that holds it: its rights count. */
  readonly folder: GrantedFolder;
  /** Steps below that folder; none of them is `.` or `..`. */
  readonly steps: readonly string[];
  /** As it was asked for. */
  readonly asked: string;
}

/** Where a path leads, by its words alone: what really lies there is for the descriptors to say. */
export function grantedPath(extension: string, folders: readonly GrantedFolder[], asked: string): GrantedPath {
  if (asked.includes("\0")) throw denied(extension, asked, "it holds a null byte");
  const steps = stepsOf(asked);
  if (steps.includes("..")) throw denied(extension, asked, "it goes up");
  // There, a step may hold what the system takes for several, or for another drive.
  if (process.platform === "win32" && steps.some((step) => /[\\:]/.test(step))) throw denied(extension, asked, "it holds a backslash or a colon");
  const whole = asked.startsWith("/") ? steps : below(folders, steps);
  const holding = folders.filter(({ path }) => startsWith(whole ?? [], stepsOf(path)));
  const [folder] = holding.sort((a, b) => stepsOf(b.path).length - stepsOf(a.path).length);
  if (whole === null || folder === undefined) throw denied(extension, asked, "it is not within a granted folder");
  return { folder, steps: whole.slice(stepsOf(folder.path).length), asked };
}

export function writable(extension: string, path: GrantedPath): GrantedPath {
  if (!path.folder.write) throw denied(extension, path.asked, "it was granted for reading only");
  return path;
}

/** `data/notes.txt` → the steps of the absolute path. */
function below(folders: readonly GrantedFolder[], [first, ...rest]: readonly string[]): string[] | null {
  const named = folders.find(({ name }) => name === first && !name.startsWith("/"));
  return named === undefined ? null : [...stepsOf(named.path), ...rest];
}

const stepsOf = (path: string): string[] => path.split("/").filter((step) => step !== "" && step !== ".");
const startsWith = (steps: readonly string[], start: readonly string[]): boolean => start.every((step, at) => steps[at] === step);

export const denied = (extension: string, path: string, why: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not reach ${JSON.stringify(path.slice(0, 200))}: ${why}.`, {
    extension,
    next: `plinth plugins inspect ${extension} shows the folders that it may reach. Its author asks for more under permissions.fs in plinth.json; an owner then consents.`,
  });
