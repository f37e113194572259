import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { pointToSchema } from "./workspace.ts";

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "plinth-workspace-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

async function schemaIn(folder: string, workspaces: unknown): Promise<string> {
  const dir = join(root, folder);
  await mkdir(dir, { recursive: true });
  await writeFile(join(root, "package.json"), JSON.stringify({ workspaces }));
  await writeFile(join(dir, "plinth.json"), '{\n  "$schema": "./node_modules/@plinth/sdk/extension.schema.json"\n}\n');
  await pointToSchema(dir);
  return JSON.parse(await readFile(join(dir, "plinth.json"), "utf8")).$schema;
}

it.each([
  ["plugins/dice", ["plugins/*"], "../../node_modules/@plinth/sdk/extension.schema.json"],
  ["dice", ["./dice/"], "../node_modules/@plinth/sdk/extension.schema.json"],
  ["a/b/dice", { packages: ["a/**"] }, "../../../node_modules/@plinth/sdk/extension.schema.json"],
  ["elsewhere/dice", ["plugins/*"], "./node_modules/@plinth/sdk/extension.schema.json"],
  ["dice", undefined, "./node_modules/@plinth/sdk/extension.schema.json"],
])("the schema of %s among the workspaces %j is where npm puts it", async (folder, workspaces, schema) =>
  expect(await schemaIn(folder, workspaces)).toBe(schema),
);
