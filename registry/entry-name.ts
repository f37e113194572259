import { ARCHIVE_LIMITS } from "./archive-limits.ts";

export const MAX_NAME = 200;

/**
 * Why a file's name has no place in a package, or undefined. The rule is the strictest of the systems that packages are
 * unpacked on, so that one package means the same tree everywhere.
 *
 * @param name path below the package's root, `/` between folders, none at the end.
 */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0) return "its name is empty";
  if (name.length > MAX_NAME) return `its name is longer than ${MAX_NAME} characters`;
  if (name.includes("\\")) return "its name has a backslash";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return "its name has a control character";
  if (/[:*?"<>|]/.test(name)) return 'its name has one of : * ? " < > |';
  if (name.startsWith("/")) return "its path is absolute";
  const segments = name.split("/");
  if (segments.length > ARCHIVE_LIMITS.depth + 1) return `it lies in more than ${ARCHIVE_LIMITS.depth} folders`;
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") return "its path has an empty, `.` or `..` part";
    if (/[. ]$/.test(segment)) return "a part of its path ends with a dot or a space";
  }
  return undefined;
}

/** Notices two names that are one on a file system that ignores case or Unicode form, and counts what they make. */
export class NameSet {
  readonly #files = new Set<string>();
  readonly #folders = new Map<string, string>();

  /** Files and folders, with the folders that no name but those of their content tells. */
  get size(): number {
    return this.#files.size + this.#folders.size;
  }

  /** Why the file cannot stand beside those added before, or undefined once it is added. */
  addFile(name: string): string | undefined {
    const problem = this.addFolder(name.slice(0, Math.max(0, name.lastIndexOf("/"))));
    if (problem !== undefined) return problem;
    const key = fold(name);
    if (this.#files.has(key)) return "it is there twice";
    if (this.#folders.has(key)) return "it is a file and a folder at once";
    this.#files.add(key);
    return undefined;
  }

  /** The same for a folder, which may be named often but always in one spelling. */
  addFolder(name: string): string | undefined {
    for (let end = name.length; end > 0; end = name.lastIndexOf("/", end - 1)) {
      const folder = name.slice(0, end);
      const key = fold(folder);
      if (this.#files.has(key)) return "it is a file and a folder at once";
      const known = this.#folders.get(key);
      // A known folder's own folders were added with it.
      if (known === folder) return undefined;
      if (known !== undefined) return `it is there twice, as ${known} too`;
      this.#folders.set(key, folder);
    }
    return undefined;
  }
}

const fold = (name: string) => name.normalize("NFC").toLowerCase();
