import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { RegistryClient } from "../client.ts";
import { markVersion, publishRemotely } from "../remote-publish.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries } from "./server.testing.ts";

afterEach(stopTestRegistries);

describe("publishing over HTTP", () => {
  it("puts a package where every client finds it", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    const token = await registry.token("ann");
    const published = await publishRemotely(registry.remote(token), await testTarball(), key);
    expect(published).toMatchObject({ id: "demo.weather", version: "1.0.0", keyId: key.keyId, dryRun: false });
    const client = new RegistryClient({ name: "test", url: registry.url, pins: memoryPins() });
    const { version } = await client.resolve("demo.weather", "^1");
    expect((await client.download("demo.weather", version)).bytes.equals(await testTarball())).toBe(true);
    expect(registry.errors).toEqual([]);
  });

  it("checks everything and writes nothing in a dry run", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    const remote = registry.remote(await registry.token("ann"));
    expect(await publishRemotely(remote, await testTarball(), key, { dryRun: true })).toMatchObject({ dryRun: true });
    expect((await registry.get("packages/demo/weather.json")).status).toBe(404);
    await publishRemotely(remote, await testTarball(), key);
    await expect(publishRemotely(remote, await testTarball(), key, { dryRun: true })).rejects.toMatchObject({ code: "PLINTH_VERSION_EXISTS" });
  });

  it("loses none of many that are published at once, by people and by folder", async () => {
    const registry = await startTestRegistry();
    const remote = registry.remote(await registry.token("ann"));
    const keys = [await registry.publisher("demo", "ann"), await registry.publisher("acme", "ann")] as const;
    const versions = Array.from({ length: 24 }, (_, index) => `1.0.${index}`);
    await Promise.all(
      versions.map(async (version, index) => {
        const id = index % 2 ? "demo.weather" : "acme.rain";
        await publishRemotely(remote, await testTarball(id, version), keys[index % 2 ? 0 : 1]);
      }),
    );
    const found = await Promise.all(
      ["demo/weather", "acme/rain"].map(async (path) =>
        (await (await registry.get(`packages/${path}.json`)).json()).versions.map((one: { version: string }) => one.version),
      ),
    );
    expect(found.flat().sort()).toEqual([...versions].sort());
    await registry.close();
    const search = JSON.parse(await readFile(join(registry.dir, "search.json"), "utf8"));
    expect(search.packages.map(({ id, version }: { id: string; version: string }) => `${id}@${version}`)).toEqual([
      "acme.rain@1.0.22",
      "demo.weather@1.0.23",
    ]);
  });

  it("withdraws, offers again, advises against, and takes the advice back", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    const remote = registry.remote(await registry.token("ann"));
    for (const version of ["1.0.0", "1.1.0"]) await publishRemotely(remote, await testTarball("demo.weather", version), key);
    const index = async () => (await registry.get("packages/demo/weather.json")).json();
    await markVersion(remote, "demo.weather", "1.1.0", { yank: "It loses data" });
    expect(await index()).toMatchObject({ tags: { latest: "1.0.0" }, versions: [{}, { yanked: "It loses data" }] });
    await markVersion(remote, "demo.weather", "1.1.0", { yank: null });
    expect((await index()).tags).toEqual({ latest: "1.1.0" });
    await markVersion(remote, "demo.weather", "1.0.0", { deprecate: "Use 1.1" });
    expect((await index()).versions[0].deprecated).toBe("Use 1.1");
    await markVersion(remote, "demo.weather", "1.0.0", { deprecate: null });
    expect((await index()).versions[0].deprecated).toBeUndefined();
  });

  it("finishes after a crash what a publish had begun to tell", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    await publishRemotely(registry.remote(await registry.token("ann")), await testTarball(), key);
    // Not closed: as after a crash, search.json was not written yet.
    await expect(readFile(join(registry.dir, "search.json"))).rejects.toMatchObject({ code: "ENOENT" });
    const again = await startTestRegistry({ dir: registry.dir, dataDir: registry.dataDir });
    expect((await (await again.get("search.json")).json()).packages).toMatchObject([{ id: "demo.weather" }]);
    expect(await (await again.get("api/v1/search?q=weather")).json()).toMatchObject({ total: 1 });
  });

  it("keeps a publisher's clock honest", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    const remote = registry.remote(await registry.token("ann"));
    const attempt = publishRemotely(remote, await testTarball(), key, { publishedAt: "2020-01-01T00:00:00.000Z" });
    await expect(attempt).rejects.toMatchObject({ code: "PLINTH_PUBLISH_TIME" });
    expect(testKey().keyId).toBe(key.keyId);
  });
});
