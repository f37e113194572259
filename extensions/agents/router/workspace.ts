import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorInfo, PlinthError } from "@plinth/sdk";

const readme = (agent: string, path: string): string => `# Workspace

This folder is where your agent ${agent === "main" ? "" : `${agent} `}works. Its file tools read and write here and nowhere else, and programs that it runs
start here.

- Put files here that the agent should see; take out what it made.
- Everything in here is yours: nothing is removed when Plinth is updated or an extension is uninstalled.
- Do not keep passwords or keys here: whatever the agent reads may be sent to the model that answers it.
- Another folder: set \`${path}\` to its absolute path.

You can change or delete this file.
`;

/** The folder, made with a README when it is new. Returns its path. */
export async function ensureWorkspace(path: string, agent: string): Promise<string> {
  const setting = `extensions["plinth.router"].config${agent === "main" ? "" : `.agents.entries.${agent}`}.workspace`;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // An empty folder is as good as a new one.
    if ((await readdir(path)).length === 0) {
      await writeFile(join(path, "README.md"), readme(agent, setting), { flag: "wx" }).catch(ignoreExisting);
    }
    return path;
  } catch (error) {
    throw new PlinthError("PLINTH_WORKSPACE", `The workspace ${path} cannot be used: ${errorInfo(error).message}.`, {
      next: `Make it a folder that this user can write, or set ${setting} to another one.`,
      cause: error,
    });
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
