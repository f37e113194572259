import { join } from "node:path";
import type { Permissions } from "../schema/extension.ts";

/** Where the folders of a grant lie on this machine. */
export const grantedFolders = (home: string, extension: string, { fs = [] }: Permissions): { name: string; path: string; write: boolean }[] =>
  fs.map((entry) => {
    const name = entry.replace(/:ro$/, "");
    const path = name === "data" ? join(home, "state", extension) : name === "workspace" ? join(home, name) : name;
    return { name, path, write: name === entry };
  });
