import { statSync } from "node:fs";
import { join } from "node:path";

/** Where programs are looked for; never in a search path, which may be anybody's. */
export const PROGRAM_FOLDERS: readonly string[] = ["/usr/bin", "/bin"];

/** The file that a program's name or absolute path means on this machine. */
export const programPath = (program: string): string | undefined =>
  (program.startsWith("/") ? [program] : PROGRAM_FOLDERS.map((folder) => join(folder, program))).find((path) =>
    statSync(path, { throwIfNoEntry: false })?.isFile(),
  );

/**
 * What a granted pattern admits. `*` is any program. Words are separated by one space: the first is the program; alone it
 * may be given any arguments. `*` among the arguments stands for exactly one, whatever it is; at the end for any number.
 */
export const admits = (patterns: readonly string[], program: string, args: readonly string[]): boolean =>
  patterns.some((pattern) => {
    // An absolute path is run only where a grant names it.
    if (pattern === "*") return !program.includes("/");
    const [name, ...words] = pattern.split(" ");
    if (name !== program) return false;
    if (words.length === 0) return true;
    const open = words.at(-1) === "*";
    const fixed = open ? words.slice(0, -1) : words;
    return (open ? args.length >= fixed.length : args.length === fixed.length) && fixed.every((word, at) => word === "*" || word === args[at]);
  });
