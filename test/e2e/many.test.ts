import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
// @ts-expect-error the built kernel has no types; the test is about the artefact
import { boot, runWork, Work } from "../../dist/kernel/main.mjs";
import { cleanUp, newHome, plinth, root } from "./lab.ts";

afterEach(cleanUp);

const COUNT = 200;

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

const manifest = (index: number) => ({
  id: `many.data-${index}`,
  version: "1.0.0",
  title: `Data ${index}`,
  description: "Only a manifest.",
  engines: { plinth: "^0.1.0" },
  provides: [
    { contract: "plinth.cli-command", version: "1.0.0", id: `many.c${index}`, descriptor: { path: ["many", `c${index}`], summary: `many ${index}` } },
    {
      contract: "plinth.tool",
      version: "1.0.0",
      id: `many-${index}`,
      descriptor: { description: "Never called.", input: { type: "object" }, effects: [] },
    },
  ],
});
