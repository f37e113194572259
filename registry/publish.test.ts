import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packFiles } from "./pack.ts";
import { publish, yank } from "./publish.ts";
import { testKey, testTarball } from "./test-package.ts";

let registry: string;
beforeEach(async () => {
  registry = await mkdtemp(join(tmpdir(), "plinth-registry-"));
});
afterEach(() => rm(registry, { recursive: true, force: true }));

const json = async (path: string) => JSON.parse(await readFile(join(registry, path), "utf8"));
const publishedAt = "2026-01-01T00:00:00.000Z";

describe("publishing", () => {
  it("writes the tarball, the index, the publisher's key and the search row", async () => {
    const tarball = await testTarball("demo.weather", "1.0.0", {
      provides: [
        {
          contract: "plinth.tool",
          version: "1.0.0",
          id: "weather",
          descriptor: { description: "Weather", input: { type: "object" }, effects: [] },
        },
      ],
    });
    const published = await publish({ registry, tarball, key: testKey(), publishedAt });
    expect(published).toMatchObject({ id: "demo.weather", version: "1.0.0", size: tarball.length, newPublisher: true });
    expect((await readFile(join(registry, published.tarball))).equals(tarball)).toBe(true);
    expect(await json("packages/demo/weather.json")).toMatchObject({
      id: "demo.weather",
      tags: { latest: "1.0.0" },
      versions: [{ version: "1.0.0", size: tarball.length, publishedAt, signature: { keyId: testKey().keyId } }],
    });
    expect(await json("registry.json")).toMatchObject({
      registry: 1,
      keys: { demo: [{ keyId: testKey().keyId, publicKey: testKey().publicKey }] },
    });
    expect(await json("search.json")).toEqual({
      packages: [{ id: "demo.weather", version: "1.0.0", title: "Weather", description: "Says what the weather is like.", words: ["weather"] }],
    });
    expect(await readFile(join(registry, "registry.json"), "utf8")).not.toContain(testKey().privateKey);
  });

  it("leaves no drafts and no lock behind", async () => {
    await publish({ registry, tarball: await testTarball(), key: testKey() });
    const names = await readdir(registry, { recursive: true });
    expect(names.filter((name) => name.includes(".tmp") || name.includes("lock"))).toEqual([]);
  });

  it("gives the same registry for the same packages", async () => {
    const other = join(registry, "other");
    const one = join(registry, "one");
    for (const target of [one, other]) await publish({ registry: target, tarball: await testTarball(), key: testKey(), publishedAt, name: "n" });
    for (const path of ["registry.json", "search.json", "packages/demo/weather.json"]) {
      expect(await readFile(join(one, path), "utf8")).toBe(await readFile(join(other, path), "utf8"));
    }
  });

  it("refuses a version that exists, even with the same bytes or other build metadata", async () => {
    await publish({ registry, tarball: await testTarball(), key: testKey() });
    const before = await readFile(join(registry, "packages/demo/weather.json"), "utf8");
    for (const tarball of [
      await testTarball(),
      await testTarball("demo.weather", "1.0.0", { title: "Other" }),
      await testTarball("demo.weather", "1.0.0+2"),
    ]) {
      await expect(publish({ registry, tarball, key: testKey() })).rejects.toMatchObject({ code: "PLINTH_VERSION_EXISTS" });
    }
    expect(await readFile(join(registry, "packages/demo/weather.json"), "utf8")).toBe(before);
  });

  it("holds a publisher's name to its first key", async () => {
    await publish({ registry, tarball: await testTarball(), key: testKey() });
    const tarball = await testTarball("demo.other");
    await expect(publish({ registry, tarball, key: testKey("demo", 2) })).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    await expect(publish({ registry, tarball, key: testKey("acme") })).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    expect((await publish({ registry, tarball, key: testKey() })).newPublisher).toBe(false);
  });

  it("refuses a package whose manifest does not hold", async () => {
    const cases: [Buffer, string, string][] = [
      [await packFiles([["index.js", ""]]), "PLINTH_MANIFEST_MISSING", "plinth.json"],
      [await packFiles([["plinth.json", "{"]]), "PLINTH_MANIFEST_INVALID", "not JSON"],
      [await testTarball("demo.weather", "1.0.0", { permisions: {} }), "PLINTH_MANIFEST_INVALID", 'did you mean "permissions"'],
      [await testTarball("demo.weather", "1.0.0", { entry: "./dist/missing.js" }), "PLINTH_MANIFEST_INVALID", "./dist/missing.js"],
      [await testTarball("demo.weather", "1.0.0", { engines: { plinth: "banana" } }), "PLINTH_MANIFEST_INVALID", "engines.plinth"],
      [
        await testTarball("demo.weather", "1.0.0", {
          provides: [{ contract: "plinth.tool", version: "1.0.0", id: "x", descriptor: { effects: ["fly"] } }],
        }),
        "PLINTH_MANIFEST_INVALID",
        "provides[0].descriptor",
      ],
      [
        await testTarball("demo.weather", "1.0.0", { uses: [{ contract: "plinth.tols", range: "^1" }] }),
        "PLINTH_MANIFEST_INVALID",
        'uses[0].contract names something unknown: plinth.tols; did you mean "plinth.tool"?',
      ],
      [
        await testTarball("demo.weather", "1.0.0", {
          entry: undefined,
          provides: [
            {
              contract: "plinth.tool",
              version: "1.0.0",
              id: "x",
              descriptor: { title: "X", description: "X.", input: { type: "object" }, effects: [] },
            },
          ],
        }),
        "PLINTH_MANIFEST_INVALID",
        "provides[0].contract plinth.tool needs code: name its module in `entry`",
      ],
      [await testTarball("demo.weather", "1.0.0", { hooks: [{ on: "message.sendin" }] }), "PLINTH_MANIFEST_INVALID", "message.sending"],
    ];
    for (const [tarball, code, words] of cases) {
      await expect(publish({ registry, tarball, key: testKey() })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    }
    expect(await readdir(registry)).toEqual([]);
  });

  it("loses nothing when many publish at once", async () => {
    const versions = Array.from({ length: 12 }, (_, index) => `1.0.${index}`);
    const jobs = versions.map(async (version, index) =>
      publish({
        registry,
        tarball: await testTarball(index % 2 ? "demo.weather" : "acme.rain", version),
        key: testKey(index % 2 ? "demo" : "acme"),
      }),
    );
    await Promise.all(jobs);
    const found = [...(await json("packages/demo/weather.json")).versions, ...(await json("packages/acme/rain.json")).versions];
    expect(found.map(({ version }: { version: string }) => version).sort()).toEqual([...versions].sort());
    expect((await json("search.json")).packages.map(({ id, version }: { id: string; version: string }) => `${id}@${version}`)).toEqual([
      "acme.rain@1.0.10",
      "demo.weather@1.0.11",
    ]);
    expect(Object.keys((await json("registry.json")).keys)).toEqual(["acme", "demo"]);
  });

  it("lets exactly one of many win a version", async () => {
    const tarball = await testTarball();
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => publish({ registry, tarball, key: testKey() })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("loses nothing when several processes publish at once", async () => {
    const here = import.meta.dirname;
    const script = (index: number) => `
      import { publish } from ${JSON.stringify(join(here, "publish.ts"))};
      import { testKey, testTarball } from ${JSON.stringify(join(here, "test-package.ts"))};
      for (let n = 0; n < 3; n++) {
        await publish({ registry: ${JSON.stringify(registry)}, key: testKey(), tarball: await testTarball("demo.weather", \`${index}.0.\${n}\`) });
      }`;
    const run = (index: number) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(index)], { cwd: here });
    await Promise.all([1, 2, 3].map(run));
    expect((await json("packages/demo/weather.json")).versions).toHaveLength(9);
  });

  it("takes over from a publisher that died, and replaces the tarball it left", async () => {
    const dead = await promisify(execFile)(process.execPath, ["-p", "process.pid"]);
    const { hostname } = await import("node:os");
    await writeFile(join(registry, ".publish.lock"), JSON.stringify({ token: "x", pid: Number(dead.stdout), host: hostname() }));
    await mkdir(join(registry, "blobs/demo/weather"), { recursive: true });
    await writeFile(join(registry, "blobs/demo/weather/weather-1.0.0.tgz"), "half");
    const tarball = await testTarball();
    await publish({ registry, tarball, key: testKey() });
    expect((await stat(join(registry, "blobs/demo/weather/weather-1.0.0.tgz"))).size).toBe(tarball.length);
  });

  it("waits for one that lives, up to its bound, and takes a lock of great age for left behind", async () => {
    const { hostname } = await import("node:os");
    const path = join(registry, ".publish.lock");
    await writeFile(path, JSON.stringify({ token: "x", pid: process.pid, host: hostname() }));
    const tarball = await testTarball();
    await expect(publish({ registry, tarball, key: testKey(), lock: { waitMs: 60 } })).rejects.toMatchObject({
      code: "PLINTH_REGISTRY_BUSY",
    });
    await utimes(path, new Date(0), new Date(0));
    await publish({ registry, tarball, key: testKey() });
  });

  it("changes nothing in a registry whose documents are damaged", async () => {
    await publish({ registry, tarball: await testTarball(), key: testKey() });
    await writeFile(join(registry, "registry.json"), '{"registry":1,"name":"x","keys":[]}');
    const attempt = publish({ registry, tarball: await testTarball("demo.weather", "2.0.0"), key: testKey() });
    await expect(attempt).rejects.toMatchObject({ code: "PLINTH_REGISTRY_INVALID" });
    expect((await json("packages/demo/weather.json")).versions).toHaveLength(1);
  });
});

describe("yanking", () => {
  it("takes a version out of the tags and the search, and keeps it for those who locked it", async () => {
    for (const version of ["1.0.0", "1.1.0"]) await publish({ registry, tarball: await testTarball("demo.weather", version), key: testKey() });
    await yank({ registry, id: "demo.weather", version: "1.1.0", reason: "It loses data", key: testKey() });
    const index = await json("packages/demo/weather.json");
    expect(index.tags).toEqual({ latest: "1.0.0" });
    expect(index.versions[1]).toMatchObject({ version: "1.1.0", yanked: "It loses data" });
    expect((await json("search.json")).packages[0].version).toBe("1.0.0");
  });

  it("is the publisher's own right", async () => {
    await publish({ registry, tarball: await testTarball(), key: testKey() });
    for (const key of [testKey("demo", 2), testKey("acme")]) {
      await expect(yank({ registry, id: "demo.weather", version: "1.0.0", reason: "x", key })).rejects.toMatchObject({
        code: "PLINTH_PUBLISHER_KEY",
      });
    }
  });
});
