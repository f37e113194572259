import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HttpRegistry, serveRegistry } from "../http-registry.testing.ts";
import { publish } from "../publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { TestHost } from "./host-trust.testing.ts";
import { roleKeysFromSeed } from "./roles.ts";
import { HOUR, SignedRegistry } from "./signed-registry.testing.ts";

let registry: SignedRegistry;
let served: HttpRegistry;
let host: TestHost;
const folders: string[] = [];
const servers: HttpRegistry[] = [];

beforeEach(async () => {
  registry = await SignedRegistry.make();
  await registry.publish("demo.weather", "1.0.0");
  served = await serve(registry.dir);
  host = new TestHost(() => registry.now);
});
afterEach(async () => {
  for (const one of servers.splice(0)) await one.close();
  for (const dir of [registry.dir, ...folders.splice(0)]) await rm(dir, { recursive: true, force: true });
});

async function serve(dir: string): Promise<HttpRegistry> {
  servers.push(await serveRegistry(dir));
  return servers.at(-1)!;
}

/** Another registry, that signs nothing, with a key of its own for the same publisher. */
async function stranger(seed = 9): Promise<HttpRegistry> {
  const dir = await mkdtemp(join(tmpdir(), "plinth-stranger-"));
  folders.push(dir);
  await publish({ registry: dir, tarball: await testTarball("demo.other", "1.0.0"), key: testKey("demo", seed) });
  return serve(dir);
}

const refused = (attempt: Promise<unknown>, code: string) => expect(attempt).rejects.toMatchObject({ code });
const weather = (url = served.url) => host.client(url).resolve("demo.weather");

describe("what was not consented to", () => {
  it("teaches nothing: looking at, searching and fetching a package pins no key", async () => {
    const other = await stranger();
    const client = host.client(other.url);
    await client.search("");
    await client.versions("demo.other");
    await client.download("demo.other", "1.0.0");
    expect(host.keys("pin/")).toEqual([]);
    expect((await host.client(served.url).download("demo.weather", "1.0.0")).key.is).toBe("first");
  });

  it("does not become known by being looked at twice", async () => {
    await host.client(served.url).download("demo.weather", "1.0.0");
    expect((await host.client(served.url).download("demo.weather", "1.0.0")).key).not.toHaveProperty("since");
    await host.install(served.url, "demo.weather", "1.0.0");
    expect((await host.client(served.url).download("demo.weather", "1.0.0")).key).toMatchObject({
      is: "known",
      since: new Date(registry.now).toISOString(),
    });
  });
});

describe("a publisher's keys", () => {
  it("are kept apart for each registry: a second one cannot speak for, nor lock out, the first one's", async () => {
    const other = await stranger();
    await host.install(other.url, "demo.other", "1.0.0");
    await host.install(served.url, "demo.weather", "1.0.0");
    const { learned } = await host.client(served.url).download("demo.weather", "1.0.0");
    expect(await host.trust.elsewhere("demo", learned.registry)).toMatchObject([{ keys: [{ keyId: testKey("demo", 9).keyId }] }]);
  });

  it("are not replaced by a consent that was given for another key", async () => {
    const { learned } = await host.client(served.url).download("demo.weather", "1.0.0");
    const thief = testKey("demo", 9);
    await host.install(served.url, "demo.weather", "1.0.0");
    await refused(host.trust.learn({ ...learned, keys: [thief] }), "PLINTH_KEY_CHANGED");
  });

  it("count on when a registry that signed nothing begins to sign", async () => {
    const dir = await mkdtemp(join(tmpdir(), "plinth-plain-"));
    folders.push(dir);
    await publish({ registry: dir, tarball: await testTarball("demo.weather", "1.0.0"), key: testKey("demo", 9) });
    const plain = await serve(dir);
    await host.install(plain.url, "demo.weather", "1.0.0");
    plain.dir = registry.dir;
    registry.now += HOUR;
    await refused(host.client(plain.url).download("demo.weather", "1.0.0"), "PLINTH_KEY_CHANGED");
  });
});

describe("a registry that was met signed", () => {
  const spellings = (port: number) => [
    `HTTP://127.0.0.1:${port}`,
    `http://127.0.0.1:${port}//`,
    `http://127.1:${port}/`,
    `http://0x7f.0.0.1:${port}`,
    `http://127.0.0.1:${port}/x/..`,
    `http://127.0.0.1:${port}/%2e/`,
    `http://127.0.0.1:${port}/?other`,
    `http://127.0.0.1:${port}/#other`,
  ];

  it("is not believed unsigned any more, whatever the spelling of its address", async () => {
    await weather();
    served.hides = (path) => path.startsWith("trust/");
    for (const url of [served.url, ...spellings(served.port)]) await refused(weather(url), "PLINTH_TRUST_MISSING");
  });

  it("is the same one under every spelling: an older state is refused there, too", async () => {
    const old = await registry.copy();
    folders.push(old);
    await registry.publish("demo.weather", "1.1.0");
    await weather();
    served.dir = old;
    for (const url of spellings(served.port)) await refused(weather(url), "PLINTH_TRUST_ROLLBACK");
  });

  it("is the same one at another address, with its publishers and its past", async () => {
    await host.install(served.url, "demo.weather", "1.0.0");
    const old = await registry.copy();
    folders.push(old);
    await registry.publish("demo.weather", "1.1.0");
    await weather();
    const mirror = await serve(registry.dir);
    expect((await host.client(mirror.url).download("demo.weather", "1.0.0")).key.is).toBe("known");
    mirror.dir = old;
    await refused(weather(mirror.url), "PLINTH_TRUST_ROLLBACK");
    expect(host.keys("trust/root/")).toHaveLength(1);
  });

  it("is the same one after its root's keys have changed, also for who meets it elsewhere", async () => {
    await host.install(served.url, "demo.weather", "1.0.0");
    await registry.trust.rotateRoot(roleKeysFromSeed("next"), registry.keys.root);
    registry.now += HOUR;
    await weather();
    const mirror = await serve(registry.dir);
    expect((await host.client(mirror.url).download("demo.weather", "1.0.0")).key.is).toBe("known");
    expect(host.keys("trust/root/")).toHaveLength(1);
  });

  it("cannot be taken over at its address by another root", async () => {
    await weather();
    const other = await SignedRegistry.make({}, roleKeysFromSeed("stranger"));
    folders.push(other.dir);
    await other.publish("demo.weather", "9.0.0");
    served.dir = other.dir;
    await refused(weather(), "PLINTH_TRUST_THRESHOLD");
    // An owner who names the other root has decided.
    expect((await host.client(served.url, await other.trust.fingerprint()).resolve("demo.weather")).version).toBe("9.0.0");
    expect((await weather()).version).toBe("9.0.0");
  });

  it("is known since the first meeting, and how long its log had which events", async () => {
    await weather();
    registry.now += 2 * HOUR;
    await registry.publish("demo.weather", "1.1.0");
    const client = host.client(served.url);
    const { state } = await client.standing();
    expect(state?.since).toBe("2026-03-01T00:00:00.000Z");
    expect(client.seenBetween(0)).toEqual({ by: "2026-03-01T00:00:00.000Z" });
    expect(client.seenBetween(state!.head.size - 1)).toEqual({ after: "2026-03-01T00:00:00.000Z", by: "2026-03-01T02:00:00.000Z" });
  });

  it("may not say of a state that it holds for years: whoever has its key could hold news back as long", async () => {
    await weather();
    for (const [days, code] of [
      [30, undefined],
      [32, "PLINTH_TRUST_LIFETIME"],
    ] as const) {
      await registry.reopen({ lifetimes: { timestamp: days * 24 * HOUR, snapshot: 300 * 24 * HOUR } });
      await registry.trust.renew();
      if (code === undefined) await weather();
      else await refused(weather(), code);
    }
  });

  it("is met anew when an owner forgets it", async () => {
    await host.install(served.url, "demo.weather", "1.0.0");
    const { registry: known } = await host.client(served.url).standing();
    await host.trust.forget(known);
    expect([...host.stored.keys()]).toEqual([]);
  });
});

describe("versions that no log gives a time for", () => {
  const one = { version: "1.0.0", integrity: "sha512-aaaa" };

  it("are as old as this host has known them, and younger when their bytes change", async () => {
    const first = await host.trust.seenSince("address-x", "demo.weather", [one]);
    registry.now += 48 * HOUR;
    const later = await host.trust.seenSince("address-x", "demo.weather", [one, { ...one, version: "1.0.1" }]);
    expect(later.get("1.0.0")).toEqual(first.get("1.0.0"));
    expect(later.get("1.0.1")?.getTime()).toBe(registry.now);
    const changed = await host.trust.seenSince("address-x", "demo.weather", [{ ...one, integrity: "sha512-bbbb" }]);
    expect(changed.get("1.0.0")?.getTime()).toBe(registry.now);
    expect((await host.trust.seenSince("address-y", "demo.weather", [one])).get("1.0.0")?.getTime()).toBe(registry.now);
  });

  it("may have any name", async () => {
    const odd = { version: "__proto__", integrity: "sha512-aaaa" };
    await host.trust.seenSince("address-x", "demo.weather", [odd]);
    registry.now += HOUR;
    expect((await host.trust.seenSince("address-x", "demo.weather", [odd])).get("__proto__")?.getTime()).toBe(registry.now - HOUR);
  });
});

describe("a memory of the shape before", () => {
  const oldKey = () => `trust/${createHash("sha256").update(served.url).digest("hex").slice(0, 32)}`;

  /** As hosts wrote it: by the spelling of the address, and pins for all registries. */
  async function remember(): Promise<void> {
    await weather();
    const [key] = host.keys("trust/root/");
    const { root, timestamp, snapshot, head } = JSON.parse(host.stored.get(key!)!);
    host.stored.clear();
    host.stored.set(oldKey(), JSON.stringify({ root, timestamp, snapshot, head }));
    const { keyId, publicKey } = testKey();
    host.stored.set("pin/demo", JSON.stringify([{ keyId, publicKey }]));
  }

  it("is read and moved, and nothing of it is lost", async () => {
    await remember();
    served.hides = (path) => path.startsWith("trust/");
    await refused(weather(), "PLINTH_TRUST_MISSING");
    served.hides = () => false;
    expect((await host.client(served.url).download("demo.weather", "1.0.0")).key.is).toBe("known");
    await host.install(served.url, "demo.weather", "1.0.0");
    expect(host.stored.has(oldKey())).toBe(false);
    expect(host.stored.has("pin/demo")).toBe(false);
    expect((await host.client(served.url).download("demo.weather", "1.0.0")).key.is).toBe("known");
  });

  it("is found by who meets the registry at another address", async () => {
    const old = await registry.copy();
    folders.push(old);
    await registry.publish("demo.weather", "1.1.0");
    await remember();
    const mirror = await serve(old);
    await refused(weather(mirror.url), "PLINTH_TRUST_ROLLBACK");
  });

  it("is forgotten with the registry", async () => {
    await remember();
    const { registry: known } = await host.client(served.url).standing();
    await remember();
    await host.trust.forget(known, { url: served.url });
    expect(host.keys("trust/")).toEqual([]);
  });

  it("counts for every registry until it is known where it came from", async () => {
    await remember();
    const other = await stranger();
    await refused(host.client(other.url).download("demo.other", "1.0.0"), "PLINTH_KEY_CHANGED");
    await host.install(served.url, "demo.weather", "1.0.0");
    expect((await host.client(other.url).download("demo.other", "1.0.0")).key.is).toBe("first");
  });
});
