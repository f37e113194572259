import { realpath, stat } from "node:fs/promises";
import { isAbsolute, resolve, sep } from "node:path";
import { PlinthError } from "@plinth/sdk";

/** The folder to start in. This keeps a call honest, not a command: a shell can go wherever its user can. */
export async function workingFolder(workspace: unknown, cwd: unknown): Promise<string> {
  if (typeof workspace !== "string" || !isAbsolute(workspace)) {
    throw new PlinthError("PLINTH_WORKSPACE_MISSING", "This conversation has no workspace.", {
      next: "Call the tool from a conversation that has one.",
    });
  }
  if (cwd !== undefined && typeof cwd !== "string")
    throw new PlinthError("PLINTH_TOOL_INPUT", '"cwd" must be text.', { next: "Name a folder below the workspace." });
  const folder = (path: string) =>
    realpath(path).then(
      async (real) => ((await stat(real)).isDirectory() ? real : undefined),
      () => undefined,
    );
  const root = await folder(workspace);
  if (root === undefined)
    throw new PlinthError("PLINTH_WORKSPACE_MISSING", "The workspace of this conversation cannot be opened.", {
      next: "Make the folder, or use another conversation.",
    });
  if (cwd?.includes("\0")) throw outside(cwd);
  const chosen = await folder(resolve(root, cwd ?? "."));
  if (chosen === undefined)
    throw new PlinthError("PLINTH_FILE_MISSING", `There is no folder "${cwd}" in the workspace.`, {
      next: "List the workspace to see what there is.",
    });
  if (chosen !== root && !chosen.startsWith(root.endsWith(sep) ? root : root + sep)) throw outside(cwd ?? "");
  return chosen;
}

function outside(path: string): PlinthError {
  return new PlinthError("PLINTH_PATH_OUTSIDE", `"${path.slice(0, 200).replaceAll("\0", "\\0")}" is not inside the workspace.`, {
    next: "Name a folder below the workspace.",
  });
}
