import { readdirSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, root, say, scriptedModel, startGateway } from "./lab.ts";

afterEach(cleanUp);

/** What runs in a host that nobody asks anything. One more is a decision: every start pays for it, on every machine. */
const AT_START = ["channels", "cli", "gateway", "inspector", "loop-watch", "runs", "upkeep"].map((name) => `plinth.${name}`);
/** Files of the built product in the host's process: the kernel's, and those extensions' with their parts. */
const MOST_FILES = 36;
/** What a first turn without a tool starts besides. */
const FOR_TURN = [
  ...["api-openai-chat", "credentials", "egress", "models", "native", "router", "secrets", "sessions"],
  // What was chosen for the conversation, and what the model takes.
  ...["store-sqlite", "tools", "usage"],
].map((name) => `plinth.${name}`);
/** Of those files together, and of what the first turn loads besides: the router, the transcripts, a harness, a model. */
const MOST_BYTES = { start: 1_000_000, turn: 645_000 };
/** What \`fetch\` is made of in Node: larger than all of ours, and a host and its turns need none of it. */
const FETCH = "internal/deps/undici/undici";

const HOOK = `
  import { appendFileSync } from "node:fs";
  import { registerHooks } from "node:module";
  registerHooks({ load(url, context, next) {
    const at = url.indexOf("/dist/");
    if (url.startsWith("file:") && at > 0) appendFileSync(process.env.LOADED_FILES, url.slice(at + 6) + "\\n");
    return next(url, context);
  } });
  process.on("exit", () => {
    for (const name of process.moduleLoadList) if (name.startsWith("NativeModule ")) appendFileSync(process.env.LOADED_FILES, "node:" + name.slice(13) + "\\n");
  });`;

it("an idle host loads the extensions of its start and no others, however many there are, and a first turn what it needs", async () => {
  const home = await newHome();
  const [hook, list] = [join(home, "hook.mjs"), join(home, "loaded.txt")];
  await writeFile(hook, HOOK);
  const model = await scriptedModel((_, __, response) => say(response, "Hello."));
  const gateway = await startGateway(home, { ...model.env, NODE_OPTIONS: `--import ${pathToFileURL(hook).href}`, LOADED_FILES: list });
  const lines = async (): Promise<string[]> => [...new Set((await readFile(list, "utf8")).trim().split("\n"))];
  // Services start beside the answer that the host is ready.
  await expect.poll(async () => extensionsOf(await lines()), { timeout: 30_000 }).toEqual(AT_START);
  const loaded = await lines();
  const client = await connect(gateway);
  expect((await client.turn("hello")).at(-1)).toMatchObject({ type: "end", status: "ok" });
  const forTurn = (await lines()).filter((file) => !loaded.includes(file));
  await gateway.stop();

  expect(readdirSync(join(root, "dist/extensions")).length).toBeGreaterThan(3 * AT_START.length);
  expect(loaded.filter((file) => file.startsWith("kernel/")).length).toBeGreaterThan(5);
  expect(loaded.length, loaded.join("\n")).toBeLessThanOrEqual(MOST_FILES);
  expect(bytesOf(loaded), sized(loaded)).toBeLessThanOrEqual(MOST_BYTES.start);
  expect(extensionsOf(forTurn).filter((id) => !AT_START.includes(id))).toEqual(FOR_TURN);
  expect(bytesOf(forTurn), sized(forTurn)).toBeLessThanOrEqual(MOST_BYTES.turn);
  const ofNode = (await lines()).filter((file) => file.startsWith("node:"));
  expect(ofNode).toContain("node:http");
  expect(ofNode).not.toContain(`node:${FETCH}`);
});

/** The extensions that files are of, by name. */
const extensionsOf = (files: readonly string[]): string[] =>
  [...new Set(files.flatMap((file) => /^extensions\/([^/]+)\//.exec(file)?.[1] ?? []))].sort();
const sizeOf = (file: string): number => statSync(join(root, "dist", file)).size;
const bytesOf = (files: readonly string[]): number => files.reduce((sum, file) => sum + sizeOf(file), 0);
const sized = (files: readonly string[]): string => files.map((file) => `${sizeOf(file)} ${file}`).join("\n");
