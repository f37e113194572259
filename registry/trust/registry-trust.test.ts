import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RegistryClient } from "../client.ts";
import { publish } from "../publish.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import { readCheckpoint, verifierKey } from "./checkpoint.ts";
import { listOf } from "./list-of.testing.ts";
import { appendToLog, readEvents } from "./log-writer.ts";
import { RegistryTrust } from "./registry-trust.ts";
import { generateRoleKeys, readRoleKeys, roleKeysFromSeed, writeRoleKeys } from "./roles.ts";
import { SignedRegistry } from "./signed-registry.testing.ts";
import { StagedFiles } from "./staged-files.ts";

let registry: SignedRegistry;
beforeEach(async () => {
  registry = await SignedRegistry.make();
  await registry.publish("demo.weather", "1.0.0");
});
afterEach(() => rm(registry.dir, { recursive: true, force: true }));

const head = async () => readCheckpoint(await readFile(join(registry.dir, "log/checkpoint"), "utf8"), "test", registry.keys.log)!;
const events = async () => (await listOf(readEvents(registry.dir, (await head()).size))).map((text) => JSON.parse(text));

describe("a registry that signs", () => {
  it("logs what happens, and countersigns each version by it", async () => {
    await registry.publish("demo.weather", "1.1.0");
    await registry.yank("demo.weather", "1.1.0");
    expect(await events()).toMatchObject([
      { type: "claim", publisher: "demo", keyIds: [testKey().keyId] },
      { type: "publish", id: "demo.weather", version: "1.0.0", keyId: testKey().keyId },
      { type: "publish", id: "demo.weather", version: "1.1.0" },
      { type: "yank", id: "demo.weather", version: "1.1.0", reason: "It loses data" },
    ]);
    const { versions } = await registry.json("packages/demo/weather.json");
    expect(versions.map(({ log }: any) => log.index)).toEqual([1, 2]);
  });

  it("tells advisories in a feed that every host can check", async () => {
    const advisory = {
      id: "PLA-2026-0001",
      package: "demo.weather",
      affected: "<1.1.0",
      severity: "high",
      title: "It loses data",
      action: "disable",
      at: "2026-03-01T00:00:00.000Z",
    } as const;
    await registry.commit({ type: "advisory", advisory });
    await registry.commit({ type: "advisory", advisory: { ...advisory, retracted: "It was a mistake" } });
    expect((await registry.host().client().advisories())!.advisories).toEqual([{ ...advisory, retracted: "It was a mistake" }]);
    const change = { type: "advisory", advisory: { ...advisory, affected: "soon" } } as const;
    await expect(registry.commit(change)).rejects.toMatchObject({ code: "PLINTH_ADVISORY_RANGE" });
  });

  it("heals what a publisher that died left half done, when it is opened again", async () => {
    const host = registry.host();
    await host.client().resolve("demo.weather");
    const input = {
      registry: registry.dir,
      tarball: await testTarball("demo.weather", "1.1.0"),
      key: testKey(),
      publishedAt: "2026-03-01T00:00:00.000Z",
    };
    await publish({ ...input, trust: { commit: async () => {} } });
    // Died while it wrote the log, too: nothing signed names that yet.
    const files = new StagedFiles(registry.dir);
    await appendToLog(files, (await head()).size, ["torn"]);
    await files.write();
    await expect(host.client().resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_TRUST_MIX" });
    await registry.reopen();
    expect((await host.client().resolve("demo.weather")).version).toBe("1.1.0");
    expect((await host.client().download("demo.weather", "1.1.0")).evidence.logged).toBe(true);
  });

  it("signs a log's head only once the state that has it counts", async () => {
    const before = await head();
    const checkpoint = await readFile(join(registry.dir, "log/checkpoint"), "utf8");
    await registry.publish("demo.weather", "1.1.0");
    await writeFile(join(registry.dir, "log/checkpoint"), checkpoint);
    expect((await head()).size).toBe(before.size);
    await registry.reopen();
    expect((await head()).size).toBe(before.size + 1);
  });

  it("loses nothing when several publish at once", async () => {
    const versions = Array.from({ length: 8 }, (_, at) => `2.0.${at}`);
    await Promise.all(versions.map((version, at) => registry.publish(`demo.p${at % 3}`, version)));
    const client = registry.host().client();
    for (const [at, version] of versions.entries()) expect((await client.download(`demo.p${at % 3}`, version)).evidence.logged).toBe(true);
    expect((await events()).filter(({ type }) => type === "publish")).toHaveLength(9);
  });

  it("drops pages that no state in use names", async () => {
    for (let at = 1; at < 4; at++) await registry.publish("demo.weather", `1.${at}.0`);
    const pages = async () => (await readdir(join(registry.dir, "trust/tree"), { recursive: true })).filter((name) => name.endsWith(".txt")).length;
    const before = await pages();
    expect(await registry.trust.prune()).toBe(0);
    expect(await registry.trust.prune(0)).toBeGreaterThan(0);
    expect(await pages()).toBeLessThan(before);
    expect((await registry.host().client().download("demo.weather", "1.3.0")).evidence.logged).toBe(true);
  });

  it("takes nothing that it does not sign", async () => {
    const input = { registry: registry.dir, tarball: await testTarball("demo.weather", "1.1.0"), key: testKey() };
    await expect(publish(input)).rejects.toMatchObject({ code: "PLINTH_REGISTRY_SIGNED" });
    await registry.host().client().download("demo.weather", "1.0.0");
  });

  it("can be watched by the witnesses of other logs", () => {
    const [, , key] = /^test\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey("test", registry.keys.log[0]!))!;
    expect(Buffer.from(key!, "base64")).toMatchObject({ length: 33, 0: 1 });
  });
});

describe("a registry's role keys", () => {
  it("are kept in a folder, for their owner only, and come back from it", async () => {
    const keys = generateRoleKeys();
    const folder = join(registry.dir, "keys-apart");
    await writeRoleKeys(folder, { ...keys, root: [], recovery: [] });
    expect((await stat(join(folder, "log-1.json"))).mode & 0o777).toBe(0o600);
    const read = await readRoleKeys(folder);
    expect(read.root).toEqual([]);
    expect(read.log.map(({ keyId }) => keyId)).toEqual(keys.log.map(({ keyId }) => keyId));
  });

  it("without the root's are enough for a registry that has a root, and not for one that has none", async () => {
    const daily = { ...roleKeysFromSeed("test"), root: [], recovery: [] };
    await RegistryTrust.open(registry.dir, daily, { clock: () => new Date(registry.now) });
    await rm(join(registry.dir, "trust"), { recursive: true });
    await expect(RegistryTrust.open(registry.dir, daily)).rejects.toMatchObject({ code: "PLINTH_TRUST_KEYS" });
  });
});

describe("what it costs a host over HTTP", () => {
  it("is one conditional request when nothing changed, and a few KB when something did", async () => {
    const seen: { path: string; status: number; bytes: number }[] = [];
    const server = createServer(async (request, response) => {
      const path = request.url!.slice(1);
      const bytes = await readFile(join(registry.dir, path)).catch(() => undefined);
      const etag = bytes && `"${Buffer.from(bytes.subarray(-200)).toString("hex")}"`;
      const status = bytes === undefined ? 404 : request.headers["if-none-match"] === etag ? 304 : 200;
      seen.push({ path, status, bytes: status === 200 ? bytes!.length : 0 });
      response.writeHead(status, etag === undefined ? {} : { etag });
      response.end(status === 200 ? bytes : undefined);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const client = new RegistryClient({ name: "test", url, pins: memoryPins(), clock: () => new Date(registry.now) });
      await client.download("demo.weather", "1.0.0");
      seen.length = 0;
      await client.download("demo.weather", "1.0.0");
      expect(seen.map(({ path, status }) => `${status} ${path}`)).toEqual(["304 trust/timestamp.json", "200 blobs/demo/weather/weather-1.0.0.tgz"]);
      await registry.publish("demo.clock", "1.0.0");
      seen.length = 0;
      await client.advisories();
      expect(seen.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(4 * 1024);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
