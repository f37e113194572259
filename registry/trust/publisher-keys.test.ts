import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testKey } from "../test-package.ts";
import { type Delegation, recoverKey, rotateKey } from "./publisher-keys.ts";
import { HOUR, type Host, SignedRegistry } from "./signed-registry.testing.ts";

let registry: SignedRegistry;
let host: Host;
const first = testKey("demo", 1);
const second = testKey("demo", 2);
const third = testKey("demo", 3);
const at = "2026-03-01T00:00:00.000Z";

beforeEach(async () => {
  registry = await SignedRegistry.make();
  host = registry.host();
  await registry.publish("demo.weather", "1.0.0", first);
  await download("1.0.0");
});
afterEach(() => rm(registry.dir, { recursive: true, force: true }));

const delegation = async (): Promise<Delegation> => (await registry.json("keys/demo.json")).signed;
/** An owner consents to it. */
const download = async (version: string, of: Host = host) => of.pins.learn(await of.client().download("demo.weather", version));
const rotate = async (from = first, to = second) =>
  registry.commit({ type: "key", publisher: "demo", link: rotateKey(await delegation(), from, to, at) });
const recover = async (to = second, from = first.keyId, by = registry.keys.recovery) =>
  registry.commit({ type: "key", publisher: "demo", link: recoverKey(await delegation(), from, to, by, at) });

describe("a key that the old one vouches for", () => {
  it("is followed by hosts that know the old one, and what the old one signed stays good", async () => {
    await rotate();
    await registry.publish("demo.weather", "1.1.0", second);
    await rotate(second, third);
    await registry.publish("demo.weather", "1.2.0", third);
    await download("1.2.0");
    expect(host.pins.pinned.get("demo")!.map(({ keyId }) => keyId)).toEqual([first.keyId, second.keyId, third.keyId]);
    for (const version of ["1.0.0", "1.1.0"]) await download(version);
  });

  it("takes the right to publish from the old one", async () => {
    await rotate();
    await expect(registry.publish("demo.weather", "1.1.0", first)).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
  });

  it("is not taken in when it is vouched for by a stranger, by a retired key or not at all", async () => {
    await expect(rotate(testKey("demo", 9), second)).rejects.toMatchObject({ code: "PLINTH_KEY_ROTATION" });
    const link = rotateKey(await delegation(), first, second, at);
    for (const signatures of [link.signatures.slice(0, 1), link.signatures.slice(1)]) {
      const change = { type: "key", publisher: "demo", link: { ...link, signatures } } as const;
      await expect(registry.commit(change)).rejects.toMatchObject({ code: "PLINTH_KEY_ROTATION" });
    }
    await rotate();
    await expect(rotate(first, third)).rejects.toMatchObject({ code: "PLINTH_KEY_ROTATION" });
  });
});

describe("a key that only the registry's recovery vouches for", () => {
  beforeEach(async () => {
    await recover();
    await registry.publish("demo.weather", "1.1.0", second);
  });

  it("is followed after a week in which the owner can hear of it", async () => {
    await expect(download("1.1.0")).rejects.toMatchObject({ code: "PLINTH_KEY_RECOVERY", message: expect.stringContaining("2026-03-08") });
    await download("1.0.0");
    registry.now += 8 * 24 * HOUR;
    await registry.trust.renew();
    await download("1.1.0");
    await download("1.0.0");
  });

  it("is followed at once by whoever meets the publisher now, or accepts the key", async () => {
    await download("1.1.0", registry.host());
    await host.client().acceptKey("demo", second.keyId);
    await download("1.1.0");
    await download("1.0.0");
  });

  it("is followed further when it has handed over to another one", async () => {
    await rotate(second, third);
    await registry.publish("demo.weather", "1.2.0", third);
    await expect(download("1.1.0")).rejects.toMatchObject({ code: "PLINTH_KEY_RECOVERY" });
    registry.now += 8 * 24 * HOUR;
    await registry.trust.renew();
    await download("1.2.0");
  });

  it("is not taken in when another role has signed", async () => {
    await expect(recover(third, second.keyId, registry.keys.targets)).rejects.toMatchObject({ code: "PLINTH_KEY_ROTATION" });
  });
});

describe("a key that nobody vouches for", () => {
  let other: SignedRegistry;
  beforeEach(async () => {
    other = await SignedRegistry.make();
    await other.publish("demo.weather", "1.1.0", second);
  });
  afterEach(() => rm(other.dir, { recursive: true, force: true }));

  it("is refused by whoever knows another one, until the owner accepts it", async () => {
    const there = other.host({ pins: host.pins });
    await expect(download("1.1.0", there)).rejects.toMatchObject({ code: "PLINTH_KEY_CHANGED" });
    await expect(there.client().acceptKey("demo", third.keyId)).rejects.toMatchObject({
      code: "PLINTH_KEY_UNKNOWN",
      next: expect.stringContaining(second.keyId),
    });
    await there.client().acceptKey("demo", second.keyId);
    await download("1.1.0", there);
  });
});

describe("a revoked key", () => {
  it("counts no more from the given place in the log on", async () => {
    await registry.publish("demo.weather", "1.1.0", first);
    const stolen = (await registry.json("packages/demo/weather.json")).versions[1].log.index;
    await recover();
    await registry.commit({ type: "revoke", publisher: "demo", keyId: first.keyId, reason: "It was stolen", since: stolen });
    await expect(download("1.1.0")).rejects.toMatchObject({ code: "PLINTH_KEY_REVOKED", message: expect.stringContaining("It was stolen") });
    await download("1.0.0");
  });

  it("that was the only one leaves the name its publisher's", async () => {
    await registry.commit({ type: "revoke", publisher: "demo", keyId: first.keyId, reason: "It was stolen" });
    for (const key of [first, third]) {
      await expect(registry.publish("demo.weather", "1.1.0", key)).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    }
    await expect(registry.commit({ type: "claim", publisher: "demo", key: third })).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    await download("1.0.0");
  });

  it("that a thief has handed over is recovered from, and the thief's key ends with it", async () => {
    await rotate(first, third);
    await registry.publish("demo.weather", "1.1.0", third);
    const { index: stolen } = (await registry.json("packages/demo/weather.json")).versions[1].log;
    await registry.commit({ type: "revoke", publisher: "demo", keyId: third.keyId, reason: "It is a thief's", since: stolen });
    await recover(second, first.keyId);
    await registry.publish("demo.weather", "1.2.0", second);
    await expect(registry.publish("demo.weather", "1.3.0", third)).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_KEY" });
    await expect(download("1.1.0")).rejects.toMatchObject({ code: "PLINTH_KEY_REVOKED" });
    await host.client().acceptKey("demo", second.keyId);
    for (const version of ["1.0.0", "1.2.0"]) await download(version);
    await expect(rotate(second, first)).rejects.toMatchObject({ code: "PLINTH_KEY_ROTATION" });
    const unknown = { type: "revoke", publisher: "demo", keyId: "0".repeat(16), reason: "x" } as const;
    await expect(registry.commit(unknown)).rejects.toMatchObject({ code: "PLINTH_KEY_UNKNOWN" });
  });

  it("can still not be used for something older than itself", async () => {
    await rotate();
    await registry.publish("demo.weather", "1.1.0", second);
    const index = await registry.json("packages/demo/weather.json");
    const { sign } = await import("../signing.ts");
    index.versions[1].signature = sign({ ...index.versions[1], id: "demo.weather" }, first);
    Reflect.deleteProperty(index.versions[1], "log");
    await registry.reopen({ check: async () => {} });
    await registry.write("packages/demo/weather.json", index);
    await registry.commit({ type: "publish", id: "demo.weather", version: "1.1.0" });
    await expect(download("1.1.0")).rejects.toMatchObject({ code: "PLINTH_KEY_RETIRED" });
  });
});
