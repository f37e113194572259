import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { hasVerdaccio } from "../peers/verdaccio.testing.ts";
import { cleanUp, root } from "./lab.ts";
import { npmCache, npmRegistry, Outside } from "./outside.ts";
import { goOutside } from "./outside-journey.ts";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const upstream = await npmRegistry();
if (upstream === null) console.warn("skipped: the packages as others install them (the npm registry cannot be reached)");

let outside: Outside;

describe.skipIf(!hasVerdaccio || upstream === null)("the packages, as others install them", () => {
  beforeAll(async () => {
    // What this machine's npm has fetched before is not fetched again: it is the same, by its hash.
    const cache = await npmCache();
    outside = await Outside.open(upstream as string, cache === null ? {} : { cache });
  });
  afterAll(() => outside?.close());

  it.concurrent.each([
    [
      "plinth-manifests",
      'import { contracts, Manifest } from "@plinth/manifests"; import { canonicalJson } from "@plinth/manifests/canonical-json.js"; console.log(Object.keys(contracts).length > 20, canonicalJson({ b: 1, a: 2 }), typeof Manifest)',
    ],
    [
      "plinth-sdk",
      'import { defineExtension } from "@plinth/sdk"; import { createTestHost } from "@plinth/sdk/testing"; console.log(true, defineExtension({ activate() {} }).plinth, typeof createTestHost)',
    ],
    [
      "plinth-registry",
      'import { generateKey, packFiles } from "@plinth/registry"; import { startRegistryServer } from "@plinth/registry/server"; console.log(true, (await packFiles([["a", "b"]])).length > 20, typeof startRegistryServer)',
    ],
  ])("%s installs alone into an empty folder, imports under plain Node, and has its types", async (name, code) => {
    const dir = join(outside.home("author"), name);
    await mkdir(dir);
    await writeFile(join(dir, "package.json"), '{"type":"module","private":true}');
    await outside.type("author", `npm install ${outside.tarballs.get(name)}`, name);
    await writeFile(join(dir, "plain.js"), code);
    expect(await outside.type("author", "node plain.js", name)).toMatch(/^true /);
    await writeFile(join(dir, "typed.ts"), code);
    await writeFile(join(dir, "wrong.ts"), code.replace("console.log(", "const no: { nothing: 1 } = console.log("));
    const types = `--types node --typeRoots ${join(root, "node_modules/@types")}`;
    const tsc = `node ${join(root, "node_modules/typescript/bin/tsc")} --strict --module nodenext --target es2024 --noEmit --skipLibCheck false ${types}`;
    await outside.type("author", `${tsc} typed.ts`, name);
    await expect(outside.type("author", `${tsc} wrong.ts`, name)).rejects.toThrow("TS2322");
  });

  it("an author makes a tool, a channel, and a contract with two providers and a consumer; somebody else installs and uses them", async () => {
    onTestFinished(cleanUp);
    // Whoever tries it again begins again.
    await outside.leave();
    const { read, greeted, answered } = await goOutside(outside);
    expect(read).toEqual([expect.stringContaining("HELLO"), expect.stringContaining("hello")]);
    expect(greeted).toContain("Hello, Ada!");
    expect(answered).not.toBe("");
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect((await outside.type("user", "plinth --version")).trim()).toBe(version);
    for (const file of ["package.json", "tsconfig.json", ".github/workflows/check.yml"]) {
      const text = await readFile(join(outside.home("author"), "voice-work/greeter", file), "utf8");
      expect(text, file).not.toMatch(/file:|\/tmp\/|node_modules|__[A-Z]+__/);
    }
  });
});
