import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { defineExtension, PlinthError } from "@plinth/sdk";

export default defineExtension({
  activate(ctx) {
    const kernel = ctx.use("plinth.kernel").one();
    ctx.provide("plinth.secret-source", "local", {
      async resolve({ name }) {
        const value = process.env[name];
        if (value !== undefined && value !== "") return value;
        const { home } = await kernel.snapshot({});
        return (await readSecrets(join(home, "secrets.json"))).get(name) ?? null;
      },
    });
  },
});

/** Read anew each time, so that an edit applies at once. The check of who may read it acts on the open file. */
async function readSecrets(path: string): Promise<ReadonlyMap<string, string>> {
  const invalid = (why: string, next: string): PlinthError =>
    new PlinthError("PLINTH_SECRETS_FILE", `${path} ${why}.`, { extension: "plinth.secrets", next });
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return null;
    throw invalid(`cannot be opened (${thrown.code})`, "Make it a plain file that you own.");
  });
  if (file === null) return new Map();
  try {
    const { mode } = await file.stat();
    if (process.platform !== "win32" && (mode & 0o077) !== 0) throw invalid("can be read by others", `Run: chmod 600 ${path}`);
    const parsed = JSON.parse(await file.readFile("utf8")) as unknown;
    const entries = parsed !== null && typeof parsed === "object" ? Object.entries(parsed) : [];
    return new Map(entries.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  } catch (thrown) {
    throw thrown instanceof SyntaxError ? invalid("is not JSON", 'Write it like { "OPENAI_API_KEY": "…" }.') : thrown;
  } finally {
    await file.close();
  }
}
