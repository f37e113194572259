import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
let dir: string;
let name: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "plinth-cache-"));
  name = `test-${process.pid}-${dir.slice(-6)}`;
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
  await rm(join(root, "node_modules/.cache/plinth-build", `${name}.part`), { force: true });
});

/** Write a source as it was a while ago, and build the part in a process of its own; whether it was made anew, and what it holds. */
async function built(): Promise<[made: boolean, holds: string]> {
  const script = `
    const { build, part } = await import(${JSON.stringify(join(root, ".ci/cache.mjs"))});
    let made = false;
    await part(${JSON.stringify(name)}, ${JSON.stringify(join(dir, "out"))}, [${JSON.stringify(relative(root, join(dir, "data.json")))}], async () => {
      made = true;
      await build({ entryPoints: [${JSON.stringify(join(dir, "main.js"))}], bundle: true, format: "esm", outdir: ${JSON.stringify(join(dir, "out"))} });
    });
    console.log(made);`;
  await rm(join(dir, "out"), { recursive: true, force: true });
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: dir });
  return [stdout.trim() === "true", await readFile(join(dir, "out/main.js"), "utf8")];
}
async function source(file: string, text: string): Promise<void> {
  await writeFile(join(dir, file), text);
  const past = Date.now() / 1_000 - 60;
  await utimes(join(dir, file), past, past);
}

it("a part is made when anything that went into it has other content, and taken as it was otherwise", async () => {
  await source("main.js", 'import { word } from "./word.js"; console.log(word);');
  await source("word.js", 'export const word = "one";');
  await source("data.json", "{}");
  expect(await built()).toEqual([true, expect.stringContaining("one")]);
  expect(await built()).toEqual([false, expect.stringContaining("one")]);
  await source("word.js", 'export const word = "two";');
  expect(await built()).toEqual([true, expect.stringContaining("two")]);
  await source("data.json", "[]");
  expect((await built())[0]).toBe(true);
  expect(await built()).toEqual([false, expect.stringContaining("two")]);
});

it("what was edited while it was built is not kept", async () => {
  await source("main.js", "console.log(1);");
  await source("data.json", "{}");
  const future = Date.now() / 1_000 + 3_600;
  await utimes(join(dir, "main.js"), future, future);
  expect((await built())[0]).toBe(true);
  expect((await built())[0]).toBe(true);
});
