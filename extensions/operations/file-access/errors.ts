import { isPlinthError, PlinthError } from "@plinth/sdk";

const shown = (path: string): string => JSON.stringify(path.slice(0, 200));

/** What goes wrong with one path of one extension. The path is shown as it was asked for: where it lies is not told. */
export const failures = {
  kind: (extension: string, path: string, what: string) =>
    new PlinthError("PLINTH_FILE_KIND", `${shown(path)} is ${what}.`, { extension, next: "Name a plain file or folder; links are not followed." }),
  missing: (extension: string, path: string) =>
    new PlinthError("PLINTH_FILE_MISSING", `There is no ${shown(path)}.`, { extension, next: "List the folder to see what there is." }),
  exists: (extension: string, path: string, what: string) =>
    new PlinthError("PLINTH_FILE_EXISTS", `${shown(path)} ${what}.`, { extension, next: "Choose another name, or remove it first." }),
  quota: (extension: string, what: string, next: string) =>
    new PlinthError("PLINTH_QUOTA", `${extension} used up its budget: ${what}.`, { extension, next }),
} as const;

/** What the system said about a path, in this contract's codes. */
export function explained(thrown: unknown, extension: string, path: string): unknown {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (isPlinthError(thrown) || code === undefined) return thrown;
  if (code === "ENOENT") return failures.missing(extension, path);
  if (code === "ELOOP") return failures.kind(extension, path, "a link");
  if (code === "ENOTDIR") return failures.kind(extension, path, "no folder, or behind a link");
  if (code === "EISDIR") return failures.kind(extension, path, "a folder");
  if (code === "EEXIST") return failures.exists(extension, path, "is there already");
  if (code === "ENOTEMPTY") return failures.exists(extension, path, "holds something");
  return new PlinthError("PLINTH_FILE", `The system refused ${shown(path)} (${code}).`, {
    extension,
    next: "Check the folder's rights and the free space.",
  });
}
