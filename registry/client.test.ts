import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { PackageIndex } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RegistryClient } from "./client.ts";
import { integrityOf } from "./integrity.ts";
import { publish, yank } from "./publish.ts";
import { sign } from "./signing.ts";
import { memoryPins, testKey, testTarball } from "./test-package.ts";

let registry: string;
let pins: ReturnType<typeof memoryPins>;
beforeEach(async () => {
  registry = await mkdtemp(join(tmpdir(), "plinth-client-"));
  pins = memoryPins();
});
afterEach(() => rm(registry, { recursive: true, force: true }));

const add = async (id: string, version: string, more: object = {}) =>
  publish({ registry, tarball: await testTarball(id, version, more), key: testKey(id.split(".")[0]!) });
const open = (url = registry, own = false) => new RegistryClient({ name: "sample", url, pins, own });
const openOwn = () => open(registry, true);
const INDEX = "packages/demo/weather.json";

/** Changes the index as somebody could who took the registry over. */
async function forge(change: (index: PackageIndex) => void, path = INDEX): Promise<void> {
  const index = JSON.parse(await readFile(join(registry, path), "utf8"));
  change(index);
  await writeFile(join(registry, path), JSON.stringify(index));
}

describe("resolving", () => {
  beforeEach(async () => {
    for (const version of ["1.0.0", "1.2.0", "1.3.0", "2.0.0", "2.1.0-beta.1"]) await add("demo.weather", version);
    await yank({ registry, id: "demo.weather", version: "1.3.0", reason: "It loses data", key: testKey() });
  });

  it.each([
    [undefined, "2.0.0"],
    ["latest", "2.0.0"],
    ["beta", "2.1.0-beta.1"],
    ["*", "2.0.0"],
    ["^1", "1.2.0"],
    ["1.0.0", "1.0.0"],
    [">=1 <1.1", "1.0.0"],
    ["^2.1.0-beta.0", "2.1.0-beta.1"],
  ])("takes %s as %s", async (range, version) => {
    expect((await open().resolve("demo.weather", range)).version).toBe(version);
  });

  it("takes a prerelease when asked for", async () => {
    expect((await open().resolve("demo.weather", "^2", { prerelease: true })).version).toBe("2.1.0-beta.1");
  });

  it("says that a version was withdrawn, and why", async () => {
    await expect(open().resolve("demo.weather", "1.3.0")).rejects.toMatchObject({
      code: "PLINTH_VERSION_YANKED",
      message: expect.stringContaining("It loses data"),
    });
  });

  it("says which versions there are when none fits", async () => {
    for (const range of ["^9", "banana", "__proto__", "constructor"]) {
      await expect(open().resolve("demo.weather", range)).rejects.toMatchObject({
        code: "PLINTH_VERSION_UNKNOWN",
        next: expect.stringContaining("2.0.0"),
      });
    }
  });

  it("names what is near an unknown id", async () => {
    await add("demo.dice", "1.0.0");
    for (const [asked, near] of [
      ["demo.wether", "demo.weather"],
      ["weather", "demo.weather"],
      ["acme.dice", "demo.dice"],
      ["dcie", "demo.dice"],
    ]) {
      await expect(openOwn().resolve(asked!)).rejects.toMatchObject({ code: "PLINTH_PACKAGE_UNKNOWN", next: expect.stringContaining(near!) });
      // What a list that nobody has signed says is no advice.
      await expect(open().resolve(asked!)).rejects.toMatchObject({ code: "PLINTH_PACKAGE_UNKNOWN", details: { near: [] } });
    }
    await expect(openOwn().resolve("zzz.unheard")).rejects.toMatchObject({ code: "PLINTH_PACKAGE_UNKNOWN", details: { near: [] } });
  });

  it("takes no id that could be a path", async () => {
    for (const id of ["../x.y", "demo./etc", "demo.weather/../x", "demo.%2e%2e", "Demo.weather"]) {
      await expect(open().resolve(id)).rejects.toMatchObject({ code: "PLINTH_PACKAGE_NAME" });
    }
  });

  it("lists versions, lowest first", async () => {
    expect((await open().versions("demo.weather")).map(({ version }) => version)).toEqual(["1.0.0", "1.2.0", "1.3.0", "2.0.0", "2.1.0-beta.1"]);
  });
});

describe("searching", () => {
  it("finds the packages that have every word, best first", async () => {
    await add("demo.weather", "1.0.0");
    await add("demo.rain", "1.0.0", { title: "Rain", description: "Weather, but wet." });
    const ids = async (query: string) => (await open().search(query)).map(({ id }) => id);
    expect(await ids("weather")).toEqual(["demo.weather", "demo.rain"]);
    expect(await ids("WEATHER wet")).toEqual(["demo.rain"]);
    expect(await ids("")).toEqual(["demo.rain", "demo.weather"]);
    expect(await ids("snow")).toEqual([]);
    expect(await openOwn().search("wet", { limit: 1 })).toEqual([
      { id: "demo.rain", version: "1.0.0", title: "Rain", description: "Weather, but wet.", source: "sample", proven: true },
    ]);
  });

  it("has ids and nothing else of a list that nobody has signed", async () => {
    const words = { title: "Install me: run `rm -rf`", description: "Trust me" };
    const rows = ["demo.rain", "x; rm -rf ~", "Demo.Rain", "demo.rain --yes", "../etc/passwd"].map((id) => ({ id, version: "1.0.0", ...words }));
    const odd = { id: "demo.odd", version: "1.0.0 && curl x", ...words };
    await add("demo.weather", "1.0.0");
    await writeFile(join(registry, "search.json"), JSON.stringify({ packages: [...rows, odd] }));
    expect(await open().search("")).toEqual([{ id: "demo.rain", version: "1.0.0", title: "", description: "", source: "sample", proven: false }]);
  });
});

describe("downloading", () => {
  beforeEach(() => add("demo.weather", "1.0.0").then(() => undefined));

  it("gives the published bytes", async () => {
    const { bytes, entry } = await open().download("demo.weather", "1.0.0");
    expect(bytes.equals(await testTarball())).toBe(true);
    expect(entry.signature.keyId).toBe(testKey().keyId);
  });

  it("reads a file: URL like a path", async () => {
    expect((await open(pathToFileURL(registry).href).download("demo.weather", "1.0.0")).entry.version).toBe("1.0.0");
  });

  it("refuses a tarball with any one bit flipped", async () => {
    const path = join(registry, "blobs/demo/weather/weather-1.0.0.tgz");
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= 1 << bit;
        await writeFile(path, bytes);
        await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_INTEGRITY" });
      }),
      { numRuns: 25 },
    );
  });

  it("refuses a shorter, a longer and a missing tarball", async () => {
    const path = join(registry, "blobs/demo/weather/weather-1.0.0.tgz");
    const whole = await readFile(path);
    for (const bytes of [whole.subarray(1), Buffer.concat([whole, Buffer.from("x")])]) {
      await writeFile(path, bytes);
      await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_INTEGRITY" });
    }
    await rm(path);
    await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_INTEGRITY" });
  });

  const forgeries: [string, (index: PackageIndex) => void][] = [
    ["other bytes with their own integrity", (index) => Object.assign(index.versions[0]!, { integrity: integrityOf(Buffer.from("x")), size: 1 })],
    ["wider permissions", (index) => Object.assign(index.versions[0]!.manifest, { permissions: { net: ["*"] } })],
    ["another time", (index) => Object.assign(index.versions[0]!, { publishedAt: "2020-01-01T00:00:00.000Z" })],
    ["an empty signature", (index) => Object.assign(index.versions[0]!.signature, { signature: "" })],
    [
      "a signature by an unknown key",
      (index) => Object.assign(index.versions[0]!, { signature: sign({ ...index.versions[0]!, id: index.id }, testKey("demo", 9)) }),
    ],
  ];
  it.each(forgeries)("refuses a forged index with %s", async (_, change) => {
    await forge(change);
    await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_SIGNATURE" });
    expect(pins.pinned.size).toBe(0);
  });

  it("refuses a version without a signature", async () => {
    await forge((index) => Reflect.deleteProperty(index.versions[0]!, "signature"));
    await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({
      code: "PLINTH_REGISTRY_INVALID",
      message: expect.stringContaining('versions[0] lacks the key "signature"'),
    });
  });

  it("still gives a withdrawn version to those who name it", async () => {
    await yank({ registry, id: "demo.weather", version: "1.0.0", reason: "old", key: testKey() });
    expect((await open().download("demo.weather", "1.0.0")).entry.yanked).toBe("old");
  });
});

describe("trust on first use", () => {
  it("pins nothing by itself: a good download says what an owner's consent would teach", async () => {
    await add("demo.weather", "1.0.0");
    const { learned, key } = await open().download("demo.weather", "1.0.0");
    expect(pins.pinned.size).toBe(0);
    expect(key).toEqual({ is: "first", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(learned).toMatchObject({ publisher: "demo", package: "demo.weather", keys: [{ publicKey: testKey().publicKey }] });
    pins.learn({ learned });
    expect((await open().download("demo.weather", "1.0.0")).key.is).toBe("known");
  });

  it("refuses everything of a publisher whose key was replaced", async () => {
    await add("demo.weather", "1.0.0");
    pins.learn(await open().download("demo.weather", "1.0.0"));
    await rm(registry, { recursive: true });
    await publish({ registry, tarball: await testTarball("demo.weather", "1.0.1"), key: testKey("demo", 9) });
    await expect(open().download("demo.weather", "1.0.1")).rejects.toMatchObject({ code: "PLINTH_KEY_CHANGED" });
    expect(pins.pinned.get("demo")![0]!.keyId).toBe(testKey().keyId);
  });

  it("does not believe a key that the registry adds later", async () => {
    await add("demo.weather", "1.0.0");
    pins.learn(await open().download("demo.weather", "1.0.0"));
    const added = testKey("demo", 9);
    const root = JSON.parse(await readFile(join(registry, "registry.json"), "utf8"));
    root.keys.demo.push({ keyId: added.keyId, publicKey: added.publicKey });
    await writeFile(join(registry, "registry.json"), JSON.stringify(root));
    await publish({ registry, tarball: await testTarball("demo.weather", "1.0.1"), key: added });
    await expect(open().download("demo.weather", "1.0.1")).rejects.toMatchObject({ code: "PLINTH_KEY_CHANGED" });
    expect((await open().download("demo.weather", "1.0.0")).entry.version).toBe("1.0.0");
  });

  it("refuses a registry that lists a key under another key's id, or none at all", async () => {
    await add("demo.weather", "1.0.0");
    const root = JSON.parse(await readFile(join(registry, "registry.json"), "utf8"));
    for (const keys of [{}, { demo: [] }, { demo: [{ keyId: testKey().keyId, publicKey: testKey("demo", 9).publicKey }] }]) {
      await writeFile(join(registry, "registry.json"), JSON.stringify({ ...root, keys }));
      await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_SIGNATURE" });
    }
  });
});

describe("hostile documents", () => {
  beforeEach(() => add("demo.weather", "1.0.0").then(() => undefined));

  const cases: [string, string][] = [
    ["no JSON", "<html>"],
    ["null", "null"],
    ["a list", "[]"],
    ["endless nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["unknown keys", canonicalJson({ id: "demo.weather", versions: [], tags: {}, extra: 1 })],
    ["another package's index", canonicalJson({ id: "demo.other", versions: [], tags: {} })],
  ];
  it.each(cases)("refuses an index that is %s", async (_, text) => {
    await writeFile(join(registry, INDEX), text);
    await expect(open().resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_INVALID" });
  });

  it("refuses a tarball's path that leaves the registry", async () => {
    for (const tarball of ["../../etc/passwd", "/etc/passwd", "https://evil.example/x.tgz", "//evil.example/x", "blobs/..", "a\\b", "a?b", "a#b"]) {
      await forge((index) => Object.assign(index.versions[0]!, { tarball }));
      await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_INVALID" });
    }
  });

  it("refuses a version twice and a manifest of another package", async () => {
    await forge((index) => void index.versions.push(index.versions[0]!));
    await expect(open().resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_INVALID" });
    await forge((index) => {
      index.versions.pop();
      index.versions[0]!.manifest.id = "demo.other";
    });
    await expect(open().resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_INVALID" });
  });

  it("refuses a manifest nested too deep to be signed", async () => {
    await forge((index) => Object.assign(index.versions[0]!.manifest, { config: JSON.parse(`${"[".repeat(3_000)}${"]".repeat(3_000)}`) }));
    await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_SIGNATURE" });
  });

  it("refuses an index above its size limit without reading it", async () => {
    await writeFile(join(registry, INDEX), Buffer.alloc(8 * 1024 * 1024 + 1, 0x20));
    await expect(open().resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_SIZE" });
  });

  it("says that there is no registry where none is", async () => {
    await expect(open(join(registry, "none")).download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_PACKAGE_UNKNOWN" });
    await rm(join(registry, "registry.json"));
    await expect(open().download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNREACHABLE" });
    expect(() => open("ftp://example.com/")).toThrow(expect.objectContaining({ code: "PLINTH_REGISTRY_URL" }));
  });
});
