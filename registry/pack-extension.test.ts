import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArchive, unpackHere } from "./archive.ts";
import { buildRegistry } from "./build-registry.ts";
import { RegistryClient } from "./client.ts";
import { packExtension } from "./pack-extension.ts";
import { memoryPins, testKey, testManifest } from "./test-package.ts";
import { roleKeysFromSeed } from "./trust/roles.ts";

const sdkDir = join(import.meta.dirname, "../sdk");
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-pack-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** An extension's folder with some source. */
async function folder(files: Record<string, string>, manifest: object = {}, name = "ext"): Promise<string> {
  const dir = join(home, name);
  const all = { "plinth.json": JSON.stringify(testManifest("demo.weather", "1.0.0", manifest)), ...files };
  for (const [file, text] of Object.entries(all)) {
    await mkdir(join(dir, file, ".."), { recursive: true });
    await writeFile(join(dir, file), text);
  }
  return dir;
}

const source = `
import { defineExtension, PlinthError } from "@plinth/sdk";
import { word } from "./word.ts";
export default defineExtension({ activate() { if (word === "") throw new PlinthError("PLINTH_X", "empty"); } });
`;

describe("packing an extension", () => {
  it("makes one module, and takes documents and assets along and nothing else", async () => {
    const dir = await folder(
      {
        "src/index.ts": source,
        "src/word.ts": 'export const word: string = "hello";',
        "README.md": "# Weather",
        LICENSE: "MIT",
        "assets/icon.svg": "<svg/>",
        ".env": "SECRET=1",
        "demo.key.json": "{}",
        "test/x.test.ts": "",
        "node_modules/left/index.js": "",
      },
      { entry: "./dist/main.js", $schema: "./node_modules/schema.json" },
    );
    const packed = await packExtension(dir, { sdkDir });
    expect(packed.files).toEqual(["LICENSE", "README.md", "assets/icon.svg", "index.js", "plinth.json", "sbom.cdx.json"]);
    expect(packed.fileName).toBe("demo.weather-1.0.0.tgz");
    const into = join(home, "into");
    await mkdir(into);
    await unpackHere(packed.tarball, into);
    expect(JSON.parse(await readFile(join(into, "plinth.json"), "utf8"))).toEqual(testManifest());
    const module = await import(/* @vite-ignore */ pathToFileURL(join(into, "index.js")).href);
    expect(module.default.activate).toBeTypeOf("function");
  });

  it("gives the same bytes wherever the folder lies, and names no path of this machine", async () => {
    const files = { "src/index.ts": source, "src/word.ts": 'export const word: string = "hello";', "README.md": "x" };
    const one = await folder(files, {}, "one");
    const two = join(home, "far/away/two");
    await cp(one, two, { recursive: true });
    const packed = await packExtension(one, { sdkDir });
    expect((await packExtension(two, { sdkDir })).integrity).toBe(packed.integrity);
    const code = (await readArchive(packed.tarball)).get("index.js")!.toString();
    expect(code).toContain("// src/word.ts");
    expect(code).not.toMatch(/\.\.\/|\/tmp\//);
    expect(code).not.toContain("sourceMappingURL");
  });

  it("gives the same bytes when a CommonJS library outside the folder is bundled", async () => {
    await mkdir(join(home, "node_modules/left"), { recursive: true });
    await writeFile(join(home, "node_modules/left/index.js"), "module.exports = { left: 1 };");
    await writeFile(join(home, "node_modules/left/package.json"), '{"name":"left","version":"1.0.0"}');
    const files = { "index.js": 'import left from "left"; export default { activate: () => left.left };' };
    const one = await packExtension(await folder(files, {}, "one"));
    const two = await packExtension(await folder(files, {}, "deep/er/two"));
    expect(two.integrity).toBe(one.integrity);
    expect((await readArchive(one.tarball)).get("index.js")!.toString()).not.toContain("../");
  });

  it("packs an extension that is data only", async () => {
    const dir = await folder({ "assets/models.json": "[]" }, { entry: undefined });
    expect((await packExtension(dir)).files).toEqual(["assets/models.json", "plinth.json", "sbom.cdx.json"]);
  });

  it("names the place of a mistake in the manifest and what was probably meant", async () => {
    const cases: [object, string][] = [
      [{ titel: "x" }, 'titel is not a known key; did you mean "title"?'],
      [{ permissions: { nett: [] } }, 'permissions.nett is not a known key; did you mean "net"?'],
      [{ tiers: ["cloud"] }, 'tiers[0] must be one of "host", "isolate", "process"'],
      [{ version: "1" }, "version"],
      [{ provides: [{ contract: "plinth.tool", version: "1.0.0", id: "x", descriptor: {} }] }, 'provides[0].descriptor lacks the key "description"'],
    ];
    for (const [manifest, words] of cases) {
      const attempt = packExtension(await folder({ "index.ts": "" }, manifest));
      await expect(attempt).rejects.toMatchObject({ code: "PLINTH_MANIFEST_INVALID", message: expect.stringContaining(words) });
    }
  });

  it("says what is missing or broken", async () => {
    await expect(packExtension(join(home, "none"))).rejects.toMatchObject({ code: "PLINTH_MANIFEST_MISSING" });
    await expect(packExtension(await folder({}))).rejects.toMatchObject({ code: "PLINTH_PACK_SOURCE" });
    const broken = packExtension(await folder({ "src/index.ts": "export default {\n" }));
    await expect(broken).rejects.toMatchObject({ code: "PLINTH_PACK_BUNDLE", message: expect.stringContaining("src/index.ts:") });
    await writeFile(join(home, "ext/plinth.json"), "{,");
    await expect(packExtension(join(home, "ext"))).rejects.toMatchObject({ code: "PLINTH_MANIFEST_INVALID" });
  });

  /** Packages from npm, by name, each with its files. */
  async function install(packages: Record<string, Record<string, string>>): Promise<void> {
    for (const [name, files] of Object.entries(packages)) {
      const all = { "package.json": JSON.stringify({ name, version: "1.0.0" }), ...files };
      await mkdir(join(home, "node_modules", name), { recursive: true });
      for (const [file, text] of Object.entries(all)) await writeFile(join(home, "node_modules", name, file), text);
    }
  }

  it("refuses Node's own modules where the isolate tier is declared, and says who wants them and what there is instead", async () => {
    const own = { "index.ts": 'import { readFileSync } from "node:fs"; export default { activate: () => readFileSync };' };
    await expect(packExtension(await folder(own))).rejects.toMatchObject({
      code: "PLINTH_PACK_BUILTIN",
      message: "demo.weather imports what the isolate tier does not have: node:fs (imported by index.ts).",
      next: expect.stringMatching(/^Instead of node:fs: use ctx\.files.*"isolate"/),
    });
    await packExtension(await folder(own, { tiers: ["process"] }));
    await install({
      jsdom: { "index.js": 'require("inner"); require("vm");' },
      inner: { "index.js": 'exports.read = require("fs").readFileSync; require("http");' },
      native: { "index.js": 'require("./native.node");', "native.node": "" },
    });
    const of = async (name: string) => packExtension(await folder({ "index.ts": `import "${name}"; export default {};` }));
    await expect(of("jsdom")).rejects.toMatchObject({
      code: "PLINTH_PACK_BUILTIN",
      message: expect.stringContaining("fs, http (imported by index.ts > jsdom > inner); vm (imported by index.ts > jsdom)"),
      next: expect.stringContaining("cheerio"),
    });
    await expect(of("native")).rejects.toMatchObject({ code: "PLINTH_PACK_BUNDLE", next: expect.stringContaining("JavaScript only") });
    await expect(of("nowhere")).rejects.toMatchObject({ code: "PLINTH_PACK_BUNDLE", next: expect.stringContaining("npm install nowhere") });
  });

  it("takes libraries in their form for browsers, and what they only try", async () => {
    const forms = { browser: "./browser.js", default: "./node.js" };
    await install({
      formed: {
        "package.json": JSON.stringify({ name: "formed", version: "1.0.0", exports: forms }),
        "browser.js": 'export const form = "browser";',
        "node.js": "",
      },
      replaced: {
        "package.json": JSON.stringify({ name: "replaced", version: "1.0.0", browser: { fs: false } }),
        "index.js": 'exports.fs = require("fs");',
      },
      trying: { "index.js": 'let os; try { os = require("os"); } catch { os = "none"; } exports.os = os;' },
      unused: { "index.mjs": 'import { join } from "path"; export const a = () => join("a"); export const b = "b";' },
      mode: { "index.js": "exports.mode = process.env.NODE_ENV;" },
    });
    const names = ["formed", "replaced", "trying", "unused/index.mjs", "mode"];
    const source = `${names.map((name, at) => `import * as m${at} from "${name}";`).join("\n")}
      export default [m0.form, Object.keys(m1.fs ?? m1.default.fs), "default" in m2, m3.b, m4.mode];`;
    const { tarball } = await packExtension(await folder({ "index.js": source }));
    const into = join(home, "into");
    await mkdir(into);
    await unpackHere(tarball, into);
    const module = await import(/* @vite-ignore */ pathToFileURL(join(into, "index.js")).href);
    expect(module.default).toEqual(["browser", [], true, "b", "production"]);
  });

  it("gives CommonJS libraries of the process tier the modules of Node's that they ask for, and their place", async () => {
    await install({
      old: {
        "index.js":
          'const { sep } = require("path"); exports.all = [sep, require("node:os").EOL, typeof __dirname]; exports.any = (name) => require(name);',
      },
    });
    const files = { "index.js": 'import old from "old"; export default old;' };
    const { tarball } = await packExtension(await folder(files, { tiers: ["process"] }));
    const into = join(home, "into");
    await mkdir(into);
    await unpackHere(tarball, into);
    const module = await import(/* @vite-ignore */ pathToFileURL(join(into, "index.js")).href);
    expect(module.default.all).toEqual(["/", "\n", "string"]);
    expect(() => module.default.any("fs")).toThrow("Cannot find module fs");
  });

  it("refuses links among what is packed", async () => {
    const dir = await folder({ "index.ts": "export default {};", "assets/a": "a" });
    await symlink("/etc/hostname", join(dir, "assets/b"));
    await expect(packExtension(dir)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_LINK", message: expect.stringContaining("assets/b") });
  });
});

describe("building a registry", () => {
  it("of the same sources gives the same files, that a client takes", async () => {
    const demo = join(import.meta.dirname, "../test/fixtures/demo");
    const dirs = (await readdir(demo)).sort().map((name) => join(demo, name));
    for (const name of ["one", "two"])
      await buildRegistry(dirs, join(home, name), testKey(), { sdkDir, name: "sample", roleKeys: roleKeysFromSeed("test") });
    const list = (await readdir(join(home, "one"), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(list.length).toBeGreaterThan(30);
    for (const entry of list) {
      const path = join(entry.parentPath, entry.name);
      const twin = path.replace(join(home, "one"), join(home, "two"));
      expect((await readFile(path)).equals(await readFile(twin))).toBe(true);
    }
    const client = new RegistryClient({ name: "sample", url: join(home, "one"), pins: memoryPins() });
    expect((await client.search("")).map(({ id }) => id)).toEqual(["demo.clock", "demo.dice", "demo.notes", "demo.shout", "demo.weather"]);
    for (const { id, version } of await client.search("")) {
      const { bytes, evidence } = await client.download(id, version);
      expect(evidence.logged).toBe(true);
      const code = (await readArchive(bytes)).get("index.js")!.toString();
      expect(code).not.toMatch(/from "node:|\.\.\//);
    }
  });

  it("does not mix with what is there", async () => {
    await writeFile(join(home, "x"), "");
    await expect(buildRegistry([], home, testKey())).rejects.toMatchObject({ code: "PLINTH_REGISTRY_EXISTS" });
  });
});
