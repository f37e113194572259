import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, expect, it } from "vitest";
// @ts-expect-error the built kernel has no types; the test is about the artefact
import { boot, runWork, Work } from "../../dist/kernel/main.mjs";
import { cleanUp, newHome, plinth, root } from "./lab.ts";

afterEach(cleanUp);

const COUNT = 200;
/** So many of them have code: each is started once when it is installed. */
const WITH_CODE = 20;

it(`with ${COUNT} extensions installed, listing commands load none of their code`, async () => {
  const home = await newHome();
  const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
  await runWork(new Work("test", { role: "owner", via: "test" }, null), async () => {
    const entry = host.current.find("plinth.host-admin", null);
    const ask = (method: string, input: unknown) => entry.by.invoke(entry, method, input, {}, null);
    for (let index = 0; index < COUNT; index++) {
      const dir = join(home, "packages", String(index));
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest(index)));
      if (index < WITH_CODE) await writeFile(join(dir, "index.mjs"), String(bundle).replaceAll("INDEX", String(index)));
      const candidate = await ask("inspect", { dir });
      await ask("install", {
        dir,
        digest: candidate.digest,
        consent: candidate.consent.hash,
        source: `folder:${dir}`,
        pinnedBy: "operator",
        reason: "test",
      });
    }
  });
  await host.stop();
  const listed = await plinth(home, ["plugins", "list", "--json"]);
  expect(listed.code, listed.stderr).toBe(0);
  expect(listed.stdout.match(/many\.data-/g)?.length).toBeGreaterThanOrEqual(COUNT);
  const help = await plinth(home, ["--help"]);
  expect(help.stdout).toMatch(/^ +many .*\bc7\b/ms);
  const { modules } = JSON.parse((await plinth(home, ["boot", "--report", "--json"])).stdout);
  expect(modules.filter((id: string) => id.startsWith("many."))).toEqual([]);
  // A command that lists loads the code of the commands themselves and of who answers, and nothing else.
  expect(modules.length).toBeLessThanOrEqual(3);
}, 120_000);

/** As an author's build makes it, once for all of them. */
const bundle = buildSync({
  stdin: {
    contents: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) {
        ctx.provide("plinth.cli-command", "many.cINDEX", { async *run() {} });
        ctx.provide("plinth.tool", "many-INDEX", { call: () => ({ content: [] }) });
      } });`,
    resolveDir: root,
  },
  bundle: true,
  format: "esm",
  write: false,
}).outputFiles[0]?.text;

const manifest = (index: number) => ({
  id: `many.data-${index}`,
  version: "1.0.0",
  title: `Data ${index}`,
  description: "Never called.",
  engines: { plinth: "^0.1.0" },
  ...(index < WITH_CODE ? { entry: "./index.mjs", provides: called(index) } : { provides: asked(index) }),
});

const called = (index: number) => [
  { contract: "plinth.cli-command", version: "1.0.0", id: `many.c${index}`, descriptor: { path: ["many", `c${index}`], summary: `many ${index}` } },
  {
    contract: "plinth.tool",
    version: "1.0.0",
    id: `many-${index}`,
    descriptor: { description: "Never called.", input: { type: "object" }, effects: [] },
  },
];

const asked = (index: number) => [
  {
    contract: "plinth.model-vendor",
    version: "1.0.0",
    id: `many-${index}`,
    descriptor: { title: `Data ${index}`, api: "openai-chat", priority: 5, baseUrls: { default: "http://127.0.0.1:9/v1" }, auth: [{ kind: "none" }] },
  },
];
