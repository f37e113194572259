import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, it } from "vitest";
import { cleanUp, newHome, root, startGateway } from "./lab.ts";

afterEach(cleanUp);

/** What runs in a host that nobody asks anything. One more is a decision: every start pays for it, on every machine. */
const AT_START = ["channels", "cli", "gateway", "inspector", "loop-watch", "runs", "upkeep"].map((name) => `plinth.${name}`);
/** Files of the built product in the host's process: the kernel's, and those extensions' with their parts. */
const MOST_FILES = 36;

const HOOK = `
  import { appendFileSync } from "node:fs";
  import { registerHooks } from "node:module";
  registerHooks({ load(url, context, next) {
    const at = url.indexOf("/dist/");
    if (url.startsWith("file:") && at > 0) appendFileSync(process.env.LOADED_FILES, url.slice(at + 6) + "\\n");
    return next(url, context);
  } });`;

it("an idle host loads the extensions of its start and no others, however many there are", async () => {
  const home = await newHome();
  const [hook, list] = [join(home, "hook.mjs"), join(home, "loaded.txt")];
  await writeFile(hook, HOOK);
  const gateway = await startGateway(home, { NODE_OPTIONS: `--import ${pathToFileURL(hook).href}`, LOADED_FILES: list });
  await gateway.stop();
  const loaded = [...new Set((await readFile(list, "utf8")).trim().split("\n"))];
  const ids = loaded.flatMap((file) => /^extensions\/([^/]+)\//.exec(file)?.[1] ?? []);
  expect(readdirSync(join(root, "dist/extensions")).length).toBeGreaterThan(3 * AT_START.length);
  expect([...new Set(ids)].sort()).toEqual(AT_START);
  expect(loaded.filter((file) => file.startsWith("kernel/")).length).toBeGreaterThan(5);
  expect(loaded.length, loaded.join("\n")).toBeLessThanOrEqual(MOST_FILES);
});
