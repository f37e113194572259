import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { extractArchive, RegistryClient } from "@plinth/registry";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import { manifestTypes } from "./manifest-types.ts";
import manifest from "./plinth.json" with { type: "json" };

const repository = join(import.meta.dirname, "../../..");
let host: TestHost;
let cwd: string;
beforeEach(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), "plinth-author-")));
  host = await createTestHost({ extensions: [{ manifest, extension }], principal: { role: "owner", via: "test" } });
});
afterEach(async () => {
  await host.close();
  await rm(cwd, { recursive: true, force: true });
});

interface Line {
  args?: Record<string, string>;
  options?: Record<string, string | boolean>;
  json?: boolean;
  in?: string;
}

async function items(id: string, line: Line): Promise<Record<string, unknown>[]> {
  const terminal = { cwd: line.in ?? cwd, json: line.json ?? true, tty: false, columns: 80, color: false, local: true };
  const out: Record<string, unknown>[] = [];
  const run = host
    .use("plinth.cli-command")
    .get(id)
    .run({ args: line.args ?? {}, options: line.options ?? {}, terminal });
  for await (const item of run) out.push(item);
  return out;
}

/** The machine-readable result. */
async function run(id: string, line: Line): Promise<any> {
  const found = (await items(id, line)).filter((item) => "result" in item);
  expect(found).toHaveLength(1);
  return found[0]!.result;
}

/** What people read. */
async function text(id: string, line: Line): Promise<string> {
  return (await items(id, { ...line, json: false })).map((item) => item.out).join("");
}

describe("plinth create", () => {
  it("makes an extension whose tests pass at once, with no install", async () => {
    const made = await run("create", { args: { name: "weather" }, options: { publisher: "acme", kind: "tool" } });
    expect(made).toMatchObject({ id: "acme.weather", dir: join(cwd, "weather"), linked: true });
    expect(made.files).toContain(".gitignore");
    const json = JSON.parse(await readFile(join(made.dir, "package.json"), "utf8"));
    const version = async (folder: string) => JSON.parse(await readFile(join(repository, folder, "package.json"), "utf8")).version;
    expect(json.devDependencies).toMatchObject({ "@plinth/sdk": `^${await version("sdk")}`, plinth: `^${await version(".")}` });
    const pinned = JSON.parse(await readFile(join(repository, "package.json"), "utf8")).devDependencies;
    for (const name of ["typescript", "vitest"]) expect(json.devDependencies[name]).toBe(`^${pinned[name]}`);
    expect(await readlink(join(made.dir, "node_modules/@plinth/sdk"))).toBe(join(repository, "sdk"));
    const env = { PATH: process.env.PATH, HOME: cwd, NO_COLOR: "1" };
    const tested = await promisify(execFile)(process.execPath, [join(made.dir, "node_modules/vitest/vitest.mjs"), "run"], { cwd: made.dir, env });
    expect(tested.stdout).toMatch(/Tests +[1-9]\d* passed/);
  }, 60_000);

  it("leaves no placeholder and gives types that are up to date", async () => {
    const { dir, files } = await run("create", { args: { name: "acme.my-tool" } });
    for (const file of files) expect(await readFile(join(dir, file), "utf8")).not.toMatch(/__[A-Z]+__/);
    expect(await run("types", { args: { dir }, options: { check: true } })).toMatchObject({ id: "acme.my-tool", changed: false });
    expect(JSON.parse(await readFile(join(dir, "plinth.json"), "utf8"))).toMatchObject({ id: "acme.my-tool", title: "My tool" });
  });

  it("says where it is and what to do next", async () => {
    expect(await text("create", { args: { name: "weather" }, options: { dir: "here" } })).toBe(
      "Made local.weather in here.\nNext: cd here && npm test\n",
    );
  });

  it("writes into no folder that has something in it", async () => {
    await writeFile(join(cwd, "x"), "");
    await expect(run("create", { args: { name: "weather" }, options: { dir: "." } })).rejects.toMatchObject({
      code: "PLINTH_FOLDER_TAKEN",
    });
    await expect(run("create", { args: { name: "weather" }, options: { dir: "x" } })).rejects.toMatchObject({
      code: "PLINTH_FOLDER_TAKEN",
    });
    expect(await readdir(cwd)).toEqual(["x"]);
  });

  it("takes names only that can be ids, and templates that exist", async () => {
    for (const name of ["", "Weather", "../x", "a.b.c", "9lives"]) {
      await expect(run("create", { args: { name } })).rejects.toMatchObject({ code: "PLINTH_NAME" });
    }
    await expect(run("create", { args: { name: "acme.x" }, options: { publisher: "other" } })).rejects.toMatchObject({
      code: "PLINTH_NAME",
    });
    for (const kind of ["chanel", "..", "tool/src", "_all"]) {
      await expect(run("create", { args: { name: "x" }, options: { kind } })).rejects.toMatchObject({
        code: "PLINTH_TEMPLATE_UNKNOWN",
        next: "There is: channel, chat-command, contract, data, harness, hook, http-route, model-provider, plugin-source, session-store, tool.",
      });
    }
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe("plinth types", () => {
  it("writes what the manifest declares, and says when that is stale", async () => {
    const { dir } = await run("create", { args: { name: "weather" } });
    const file = join(dir, "plinth.json");
    const json = JSON.parse(await readFile(file, "utf8"));
    json.hooks = [{ on: "message.sending" }];
    json.config.properties.loud = { type: "boolean" };
    await writeFile(file, JSON.stringify(json));
    await expect(run("types", { in: dir, options: { check: true } })).rejects.toMatchObject({ code: "PLINTH_TYPES_STALE" });
    expect(await text("types", { in: dir })).toBe("Wrote src/manifest.ts.\n");
    expect(await readFile(join(dir, "src/manifest.ts"), "utf8")).toBe(manifestTypes(json));
    expect(manifestTypes(json)).toMatch(/hooks: "message.sending";[\s\S]*greeting: string;\n {4}loud\?: boolean;/);
  });

  it("knows every plain schema and calls the rest unknown", () => {
    const config = {
      type: "object",
      required: ["list"],
      properties: {
        list: { type: "array", items: { type: "string" } },
        mode: { enum: ["a", 1, true] },
        port: { type: ["integer", "null"], default: 1 },
        table: { type: "object", additionalProperties: { type: "number" } },
        deep: { type: "object", properties: { "odd-name": { type: "boolean", description: "ends */ here" } } },
        either: { anyOf: [{ type: "string" }] },
        pairs: { type: "array", items: { enum: ["x", "y"] } },
      },
    };
    const types = manifestTypes({ id: "a.b", version: "1.0.0", title: "", description: "", engines: { plinth: "*" }, config });
    expect(types).toContain(`  config: {
    list: string[];
    mode?: "a" | 1 | true;
    port: number | null;
    table?: Record<string, number>;
    deep?: {
      /** ends *\\/ here */
      "odd-name"?: boolean;
    };
    either?: unknown;
    pairs?: ("x" | "y")[];
  };`);
  });
});

describe("plinth contract add", () => {
  it("keeps another extension's contracts in the project, as types and as a need, from its folder, its tarball or a registry", async () => {
    const voices = await run("create", { args: { name: "acme.voices" }, options: { kind: "contract" } });
    const { file } = await run("pack", { args: { dir: voices.dir } });
    await run("publish", { args: { package: file }, options: { registry: "registry" } });
    const sources: [string, Record<string, string>][] = [
      ["../voices", {}],
      ["../acme.voices-0.1.0.tgz", {}],
      ["acme.voices", { registry: "../registry" }],
    ];
    for (const [at, [source, options]] of sources.entries()) {
      const { dir } = await run("create", { args: { name: `acme.loud${at}` } });
      const before = await readFile(join(dir, "plinth.json"), "utf8");
      const added = await run("contract.add", { in: dir, args: { source }, options });
      expect(added).toMatchObject({ id: "acme.voices", contracts: [{ id: "acme.voices.voice", version: "1.0.0" }], needs: true });
      const after = await readFile(join(dir, "plinth.json"), "utf8");
      expect(after.replace('  "extensions": { "acme.voices": "^0.1.0" },\n', "")).toBe(before);
      expect(JSON.parse(after).extensions).toEqual({ "acme.voices": "^0.1.0" });
      expect(await readFile(join(dir, "src/manifest.ts"), "utf8")).toMatch(
        /"acme\.voices\.voice": ContractTypes<[\s\S]*title: string;[\s\S]*speak: \{[\s\S]*text: string;[\s\S]*spoken: string;/,
      );
      expect(await text("contract.add", { in: dir, args: { source }, options })).not.toContain("from now on");
    }
  });

  it("says what to do instead: of an extension without contracts, of its own, of nothing", async () => {
    const { dir } = await run("create", { args: { name: "acme.voices" }, options: { kind: "contract" } });
    const other = await run("create", { args: { name: "acme.greeter" } });
    await expect(run("contract.add", { in: dir, args: { source: "." } })).rejects.toMatchObject({ code: "PLINTH_CONTRACT_OWN" });
    await expect(run("contract.add", { in: dir, args: { source: other.dir } })).rejects.toMatchObject({ code: "PLINTH_CONTRACT_NONE" });
    await expect(run("contract.add", { in: dir, args: { source: "../none" } })).rejects.toMatchObject({ code: "PLINTH_PACKAGE_MISSING" });
    const json = JSON.parse(await readFile(join(other.dir, "plinth.json"), "utf8"));
    await writeFile(join(other.dir, "plinth.json"), JSON.stringify({ ...json, uses: [{ contract: "acme.voices.voice", range: "^1" }] }));
    expect(await text("types", { in: other.dir })).toContain("Next: plinth contract add acme.voices");
  });
});

describe("plinth pack and publish", () => {
  it("packs the same bytes each time, ready to unpack", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" } });
    const first = await run("pack", { args: { dir } });
    const second = await run("pack", { in: dir, options: { out: "../again.tgz" } });
    expect(first).toMatchObject({ id: "acme.weather", version: "0.1.0", file: join(cwd, "acme.weather-0.1.0.tgz") });
    expect(second).toMatchObject({ integrity: first.integrity, size: first.size, file: join(cwd, "again.tgz") });
    expect((await readFile(first.file)).equals(await readFile(second.file))).toBe(true);
    const into = await mkdtemp(join(cwd, "into-"));
    expect((await extractArchive(first.file, into)).files).toEqual(["README.md", "index.js", "plinth.json", "sbom.cdx.json"]);
    expect(await text("pack", { args: { dir } })).toMatch(
      /^Packed acme.weather 0.1.0 into acme.weather-0.1.0.tgz\n {2}size .*\n {2}integrity {2}sha512-/,
    );
  });

  it("publishes a folder and a tarball with a key that is made once and said", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" } });
    const said = await text("publish", { args: { package: dir }, options: { registry: "registry" } });
    expect(said).toMatch(/^Made a key for acme in .*acme\.key\.json\. Keep it/);
    expect(said).toContain("Published acme.weather 0.1.0");
    const keyFile = said.match(/in (\/.*acme\.key\.json)/)![1]!;
    expect(keyFile.startsWith(host.home)).toBe(true);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);

    const other = await run("create", { args: { name: "acme.rain" } });
    const { file } = await run("pack", { args: { dir: other.dir } });
    const published = await run("publish", { args: { package: file }, options: { registry: "registry" } });
    expect(published).toMatchObject({ id: "acme.rain", newPublisher: false });
    expect(published).not.toHaveProperty("madeKey");
    expect(JSON.stringify(published)).not.toContain("privateKey");

    const client = new RegistryClient({ name: "r", url: join(cwd, "registry"), pins: { get: () => undefined, set: () => {} } });
    expect((await client.search("")).map(({ id }) => id)).toEqual(["acme.rain", "acme.weather"]);
    expect((await client.download("acme.rain", "0.1.0")).bytes.equals(await readFile(file))).toBe(true);
    await expect(run("publish", { args: { package: file }, options: { registry: "registry" } })).rejects.toMatchObject({
      code: "PLINTH_VERSION_EXISTS",
    });
  });

  it("uses the key that it is given, and makes none where that one is missing", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" } });
    const missing = run("publish", { args: { package: dir }, options: { registry: "r", key: "none.json" } });
    await expect(missing).rejects.toMatchObject({ code: "PLINTH_KEY_MISSING" });
    const { keyId } = await run("keygen", { args: { publisher: "acme" }, options: { out: "acme.key.json" } });
    const published = await run("publish", { args: { package: dir }, options: { registry: "r", key: "acme.key.json" } });
    expect(published.keyId).toBe(keyId);
    await chmod(join(cwd, "acme.key.json"), 0o644);
    const open = run("publish", { args: { package: dir }, options: { registry: "r", key: "acme.key.json" } });
    await expect(open).rejects.toMatchObject({ code: "PLINTH_KEY_MODE" });
  });

  it("says what is missing: a registry, a token, the package", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" } });
    await expect(run("publish", { in: dir })).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNNAMED" });
    await expect(run("publish", { in: dir, options: { registry: "https://example.com" } })).rejects.toMatchObject({ code: "PLINTH_TOKEN_MISSING" });
    await expect(run("publish", { in: dir, options: { registry: "registry.example.com" } })).rejects.toMatchObject({
      code: "PLINTH_REGISTRY_URL",
      next: "Write https://registry.example.com for a service, ./registry.example.com for a new folder.",
    });
    await expect(run("publish", { args: { package: "none" }, options: { registry: "r" } })).rejects.toMatchObject({
      code: "PLINTH_PACKAGE_MISSING",
    });
  });

  it("shows with --dry-run what would be sent, and neither makes a key nor writes anything", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" }, options: { kind: "channel" } });
    const shown = await text("publish", { in: dir, options: { registry: "../registry", "dry-run": true } });
    expect(shown).toMatch(/^Would publish acme\.weather 0\.1\.0 to .*\/registry\. Nothing was sent\./);
    expect(shown).toMatch(/KiB +index\.js[\s\S]*It may\n {2}connect to chat\.example\.com\n {2}bring other people's messages/);
    expect(shown).toContain("none yet; it is made when you publish");
    expect((await readdir(cwd)).sort()).toEqual(["weather"]);
    await run("publish", { in: dir, options: { registry: "../registry" } });
    const again = await items("publish", { in: dir, options: { registry: "../registry", "dry-run": true } });
    expect(again[0]!.result).toMatchObject({ dryRun: true, registryWould: { accept: false, code: "PLINTH_VERSION_EXISTS" } });
    expect(again.at(-1)).toEqual({ exit: 1 });
  });

  it("says before anything is sent that no host here would take it, or none knows the contract's version", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" }, options: { kind: "tool" } });
    const file = join(dir, "plinth.json");
    const manifest = JSON.parse(await readFile(file, "utf8"));
    manifest.engines.plinth = "^9";
    manifest.provides[0].version = "2.0.0";
    await writeFile(file, JSON.stringify(manifest));
    const told = [
      /engines\.plinth \^9 does not take in this Plinth, \d/,
      /plinth\.tool weather says version 2\.0\.0; here the contract is of version 1\./,
    ];
    const [packed, shown] = [
      await text("pack", { in: dir }),
      await text("publish", { in: dir, options: { registry: "../registry", "dry-run": true } }),
    ];
    for (const one of told) for (const said of [packed, shown]) expect(said).toMatch(one);
    delete manifest.entry;
    await writeFile(file, JSON.stringify(manifest));
    for (const command of ["pack", "publish"])
      await expect(run(command, { in: dir, options: { registry: "../registry" } })).rejects.toMatchObject({
        code: "PLINTH_MANIFEST_INVALID",
        message: expect.stringContaining("plinth.tool needs code"),
      });
  });

  it("withdraws a version of a folder with the publisher's key, and with no other", async () => {
    const { dir } = await run("create", { args: { name: "acme.weather" } });
    await run("publish", { in: dir, options: { registry: "../registry" } });
    const version = { version: "acme.weather@0.1.0" };
    await run("keygen", { args: { publisher: "other" }, options: { out: "other.key.json" } });
    const stolen = run("yank", { args: version, options: { registry: "registry", reason: "no", key: "other.key.json" } });
    await expect(stolen).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    await expect(run("yank", { args: version, options: { registry: "registry" } })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await expect(run("yank", { args: { version: "weather" }, options: { registry: "registry", reason: "x" } })).rejects.toMatchObject({
      code: "PLINTH_USAGE",
    });
    expect(await run("yank", { args: version, options: { registry: "registry", reason: "loses data" } })).toMatchObject({ yanked: "loses data" });
    const client = new RegistryClient({ name: "r", url: join(cwd, "registry"), pins: { get: () => undefined, set: () => {} } });
    await expect(client.resolve("acme.weather")).rejects.toMatchObject({ code: "PLINTH_VERSION_YANKED" });
  });

  it("names a mistake in the manifest with its place", async () => {
    const { dir } = await run("create", { args: { name: "weather" } });
    const json = JSON.parse(await readFile(join(dir, "plinth.json"), "utf8"));
    await writeFile(join(dir, "plinth.json"), JSON.stringify({ ...json, permisions: {} }));
    await expect(run("pack", { args: { dir } })).rejects.toMatchObject({
      code: "PLINTH_MANIFEST_INVALID",
      message: expect.stringContaining('permisions is not a known key; did you mean "permissions"?'),
    });
  });
});

describe("plinth keygen", () => {
  it("makes a key for its owner's eyes, never over another one", async () => {
    const { file, publicKey } = await run("keygen", { args: { publisher: "acme" } });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ publisher: "acme", publicKey });
    await expect(run("keygen", { args: { publisher: "acme" } })).rejects.toMatchObject({ code: "PLINTH_KEY_EXISTS" });
    await expect(run("keygen", { args: { publisher: "../x" } })).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_NAME" });
    expect(await text("keygen", { args: { publisher: "other" } })).not.toContain(JSON.parse(await readFile(file, "utf8")).privateKey);
  });
});

describe("every command", () => {
  it("is for the owner only", async () => {
    for (const { id } of manifest.provides) {
      const asked = host.as({ role: "guest", via: "test" }, () => run(id, { args: { name: "x", publisher: "x" }, options: { registry: "r" } }));
      await expect(asked).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    }
    expect(await readdir(cwd)).toEqual([]);
  });
});
