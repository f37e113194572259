import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, matchesGlob, relative, sep } from "node:path";

/** In a workspace of npm's, `npm install` puts the SDK beside the workspace's own package.json: an editor finds the schema there. */
export async function pointToSchema(target: string): Promise<void> {
  const workspace = await workspaceOf(target);
  if (workspace === undefined) return;
  const file = join(target, "plinth.json");
  const up = relative(target, workspace).replaceAll(sep, "/");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"$schema": "./node_modules/', `"$schema": "${up}/node_modules/`));
}

/** The folder above whose package.json names this one among its workspaces. */
async function workspaceOf(target: string): Promise<string | undefined> {
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    const { workspaces = [] } = await readFile(join(folder, "package.json"), "utf8")
      .then(JSON.parse)
      .catch(() => ({}));
    const globs: unknown = Array.isArray(workspaces) ? workspaces : workspaces?.packages;
    const path = relative(folder, target).replaceAll(sep, "/");
    const fits = (glob: unknown): boolean => typeof glob === "string" && matchesGlob(path, glob.replace(/^\.\//, "").replace(/\/$/, ""));
    if (Array.isArray(globs) && globs.some(fits)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
