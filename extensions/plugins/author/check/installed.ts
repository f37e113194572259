import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of a package that a project develops with: in its own node_modules, or in those of the workspace it belongs to. */
export function installed(dir: string, file: string): string | undefined {
  for (let folder = dir; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", file);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) return undefined;
  }
}
