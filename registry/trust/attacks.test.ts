import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { indexPath } from "../layout.ts";
import { writePublic } from "../public-file.ts";
import { sign } from "../signing.ts";
import { testKey } from "../test-package.ts";
import { leafOf } from "./change-draft.ts";
import { signDocument } from "./envelope.ts";
import { type Leaf, pagePath, update } from "./index-tree.ts";
import { pageReader, snapshotPath, TIMESTAMP_PATH } from "./registry-state.ts";
import { keySetOf, makeRoot, type RoleKeys, roleKeysFromSeed } from "./roles.ts";
import { HOUR, type Host, SignedRegistry, START } from "./signed-registry.testing.ts";

let registry: SignedRegistry;
let host: Host;
const copies: string[] = [];
const WEATHER = indexPath("demo.weather");

beforeEach(async () => {
  registry = await SignedRegistry.make();
  host = registry.host();
  await registry.publish("demo.weather", "1.0.0");
});
afterEach(async () => {
  for (const dir of [registry.dir, ...copies.splice(0)]) await rm(dir, { recursive: true, force: true });
});

const keepCopy = async () => {
  copies.push(await registry.copy());
  return copies.at(-1)!;
};
const resolve = (of: Host = host) => of.client().resolve("demo.weather");
const refused = (attempt: Promise<unknown>, code: string) => expect(attempt).rejects.toMatchObject({ code });

/** Sign a state of one's own, as somebody could who holds these keys. */
async function forgeState(
  keys: RoleKeys,
  change: { version?: number; snapshotVersion?: number; expires?: string; leaf?: [string, Leaf | undefined] } = {},
): Promise<void> {
  const timestamp = (await registry.json(TIMESTAMP_PATH)).signed;
  const snapshot = (await registry.json(snapshotPath(timestamp.snapshot.sha256))).signed;
  const { version = timestamp.version + 1, snapshotVersion = snapshot.version + 1, expires = timestamp.expires } = change;
  const { root: tree, pages } = await update(snapshot.tree, new Map(change.leaf ? [change.leaf] : []), pageReader(registry.dir));
  for (const [hash, text] of pages) await writePublic(join(registry.dir, pagePath(hash)), text);
  const bytes = Buffer.from(prettyJson(signDocument({ ...snapshot, tree, version: snapshotVersion }, keys.snapshot)));
  const reference = { version: snapshotVersion, ...leafOf(bytes) };
  await writeFile(join(registry.dir, snapshotPath(reference.sha256)), bytes);
  await registry.write(TIMESTAMP_PATH, signDocument({ ...timestamp, version, expires, snapshot: reference }, keys.timestamp));
}

/** Put something else into an index, and have the registry itself sign that, whatever hosts think of it. */
async function forgeIndex(change: (index: any) => void): Promise<void> {
  await registry.reopen({ check: async () => {} });
  const index = await registry.json(WEATHER);
  change(index);
  await registry.write(WEATHER, index);
  await registry.commit({ type: "publish", id: "demo.weather", version: "1.0.0" });
}

describe("an honest registry", () => {
  it("is followed by a host over publishing, yanking, renewing and a restart", async () => {
    await registry.publish("demo.weather", "1.1.0");
    expect((await host.client().download("demo.weather", "1.1.0")).evidence).toEqual({
      publisher: "demo",
      registry: "test",
      root: keySetOf((await registry.json("trust/root/1.json")).signed),
      keyId: testKey().keyId,
      logged: true,
    });
    await registry.yank("demo.weather", "1.1.0");
    expect((await resolve()).version).toBe("1.0.0");
    expect((await host.client().advisories())!.withdrawn).toMatchObject([{ id: "demo.weather", version: "1.1.0", reason: "It loses data" }]);
    registry.now += 60 * HOUR;
    await registry.trust.renew();
    registry.now += 60 * HOUR;
    await registry.reopen();
    await registry.publish("acme.clock", "1.0.0");
    await host.client().download("acme.clock", "1.0.0");
    expect(host.kept.state).toMatchObject({ timestamp: 6, snapshot: 6, head: { size: 6 } });
  });

  it("proves that it does not have a package", async () => {
    await refused(host.client().resolve("demo.unheard"), "PLINTH_PACKAGE_UNKNOWN");
  });

  it("takes over the packages of a folder that signed nothing before", async () => {
    for (const path of ["trust", "log", "keys", "advisories.json"]) await rm(join(registry.dir, path), { recursive: true, force: true });
    const index = await registry.json(WEATHER);
    Reflect.deleteProperty(index.versions[0], "log");
    await registry.write(WEATHER, index);
    await registry.reopen();
    expect((await registry.host().client().download("demo.weather", "1.0.0")).evidence.logged).toBe(true);
  });
});

describe("rollback", () => {
  it("to a whole older state is refused by whoever saw a newer one", async () => {
    const old = await keepCopy();
    await registry.publish("demo.weather", "1.1.0");
    await resolve();
    await registry.restore(old);
    await refused(resolve(), "PLINTH_TRUST_ROLLBACK");
    expect((await resolve(registry.host())).version).toBe("1.0.0");
  });

  it("to an older snapshot under a newer timestamp is refused", async () => {
    await registry.publish("demo.weather", "1.1.0");
    await resolve();
    await forgeState(registry.keys, { snapshotVersion: 1 });
    await refused(resolve(), "PLINTH_TRUST_ROLLBACK");
  });

  it("to an older root is refused", async () => {
    await registry.write("trust/root/2.json", await registry.json("trust/root/1.json"));
    await refused(resolve(), "PLINTH_TRUST_ROLLBACK");
  });
});

describe("freeze", () => {
  it("is noticed when the timestamp has not been renewed, and over when it is", async () => {
    await resolve();
    registry.now += 73 * HOUR;
    await refused(resolve(), "PLINTH_TRUST_FROZEN");
    await refused(resolve(registry.host()), "PLINTH_TRUST_FROZEN");
    await registry.trust.renew();
    await resolve();
  });

  it("behind an expired snapshot or root is refused", async () => {
    await forgeState(registry.keys, { expires: "2040-01-01T00:00:00.000Z" });
    registry.now = START + 31 * 24 * HOUR;
    await refused(resolve(), "PLINTH_TRUST_EXPIRED");
    registry.now = START + 366 * 24 * HOUR;
    await refused(registry.trust.renew(), "PLINTH_DOCUMENT_INVALID");
    await refused(resolve(), "PLINTH_TRUST_EXPIRED");
  });
});

describe("mix and match", () => {
  it("of an older index into the present state is refused", async () => {
    const old = await registry.json(WEATHER);
    await registry.publish("demo.weather", "1.1.0");
    await writeFile(join(registry.dir, WEATHER), prettyJson(old));
    await refused(resolve(), "PLINTH_TRUST_MIX");
  });

  it("of a hidden index, another snapshot or another page is refused", async () => {
    const { snapshot } = (await registry.json(TIMESTAMP_PATH)).signed;
    const path = join(registry.dir, snapshotPath(snapshot.sha256));
    const bytes = await readFile(path);
    await rm(join(registry.dir, WEATHER));
    await refused(resolve(), "PLINTH_TRUST_MIX");
    await writeFile(path, Buffer.concat([bytes, Buffer.from("\n")]));
    await refused(resolve(), "PLINTH_TRUST_MIX");
    await writeFile(path, bytes);
    await rm(join(registry.dir, "trust/tree"), { recursive: true });
    await refused(resolve(), "PLINTH_TRUST_MIX");
  });

  it("that ends by itself, as while a publish is under way, is waited for", async () => {
    const now = await readFile(join(registry.dir, WEATHER));
    await writeFile(join(registry.dir, WEATHER), "{}");
    const answer = resolve();
    setTimeout(() => void writeFile(join(registry.dir, WEATHER), now), 120);
    expect((await answer).version).toBe("1.0.0");
  });
});

describe("the log", () => {
  it("that tells another past is refused, however new its signatures are", async () => {
    const old = await keepCopy();
    await registry.publish("demo.weather", "1.1.0");
    await resolve();
    await registry.restore(old);
    await registry.publish("demo.weather", "1.1.1");
    await registry.publish("demo.weather", "1.1.2");
    await refused(resolve(), "PLINTH_LOG_FORK");
  });

  it("that became shorter is refused", async () => {
    const old = await keepCopy();
    await registry.publish("demo.weather", "1.1.0");
    await resolve();
    await registry.restore(old);
    await registry.trust.renew();
    await registry.trust.renew();
    await refused(resolve(), "PLINTH_LOG_SHRUNK");
  });

  it("that lacks a version which the index has is noticed before the version is used", async () => {
    const twin = { ...(await registry.json(WEATHER)).versions[0], version: "9.0.0" };
    for (const log of [
      { index: 0, at: twin.publishedAt },
      { index: 999, at: twin.publishedAt },
    ]) {
      await forgeIndex((index) => {
        index.versions = [index.versions[0], { ...twin, manifest: { ...twin.manifest, version: "9.0.0" }, log }];
      });
      await refused(host.client().download("demo.weather", "9.0.0"), "PLINTH_LOG_INCLUSION");
    }
  });
});

describe("the registry's keys", () => {
  it("must sign in the number that the root asks for, each counted once", async () => {
    const keys = roleKeysFromSeed("test");
    const more = roleKeysFromSeed("more");
    keys.timestamp.push(...more.timestamp);
    const strict = await SignedRegistry.make({ thresholds: { timestamp: 2 } }, keys);
    copies.push(strict.dir);
    await strict.publish("demo.weather", "1.0.0");
    await strict.host().client().resolve("demo.weather");
    const timestamp = await strict.json(TIMESTAMP_PATH);
    for (const signatures of [[timestamp.signatures[0]], [timestamp.signatures[0], timestamp.signatures[0]]]) {
      await strict.write(TIMESTAMP_PATH, { ...timestamp, signatures });
      await refused(strict.host().client().resolve("demo.weather"), "PLINTH_TRUST_THRESHOLD");
    }
  });

  it("are refused when they are strangers'", async () => {
    await forgeState(roleKeysFromSeed("stranger"));
    await refused(resolve(), "PLINTH_TRUST_THRESHOLD");
  });

  it("change by a root that old and new keys have signed, and the old ones count no more", async () => {
    await resolve();
    const next = roleKeysFromSeed("next");
    await registry.trust.rotateRoot(next, registry.keys.root);
    await registry.trust.rotateRoot(roleKeysFromSeed("third"), next.root);
    registry.now += HOUR;
    await resolve();
    expect(host.kept.state!.root.signed.version).toBe(3);
    await forgeState(registry.keys);
    registry.now += HOUR;
    await refused(resolve(), "PLINTH_TRUST_THRESHOLD");
    await refused(resolve(registry.host()), "PLINTH_TRUST_THRESHOLD");
  });

  it("are looked for anew when a running client meets a signature that it cannot place", async () => {
    const client = host.client();
    await client.resolve("demo.weather");
    await registry.trust.rotateRoot(roleKeysFromSeed("next"), registry.keys.root);
    expect((await client.resolve("demo.weather")).version).toBe("1.0.0");
  });

  it("do not change by a root that only the new ones have signed", async () => {
    await resolve();
    const { signed } = await registry.json("trust/root/1.json");
    const stranger = roleKeysFromSeed("stranger");
    const root = makeRoot({ origin: "test", expires: signed.expires, keys: stranger }, stranger.root);
    await registry.write("trust/root/2.json", signDocument({ ...root.signed, version: 2 }, stranger.root));
    registry.now += HOUR;
    await refused(resolve(), "PLINTH_TRUST_THRESHOLD");
  });

  it("that replace a stolen one are not locked out by versions that it drove up", async () => {
    await forgeState(registry.keys, { version: 1_000_000, snapshotVersion: 1_000_000 });
    await resolve();
    await registry.restore(await keepCopy());
    await forgeState(registry.keys, { version: 3, snapshotVersion: 3 });
    await registry.trust.rotateRoot(roleKeysFromSeed("next"), registry.keys.root);
    registry.now += HOUR;
    expect((await resolve()).version).toBe("1.0.0");
  });

  it("must be at hand to open the registry", async () => {
    await refused(registry.reopen.call(Object.assign(Object.create(registry), { keys: roleKeysFromSeed("stranger") })), "PLINTH_TRUST_KEYS");
  });
});

describe("an unsigned registry", () => {
  beforeEach(async () => {
    await resolve();
    await rm(join(registry.dir, "trust"), { recursive: true });
  });

  it("is refused where a signed one was met", () => refused(resolve(), "PLINTH_TRUST_MISSING"));

  it("is refused where the operator pinned a root", () => refused(resolve(registry.host({ root: "0".repeat(64) })), "PLINTH_TRUST_MISSING"));

  it("is believed at the first contact, as far as its publishers sign", async () => {
    expect((await registry.host().client().download("demo.weather", "1.0.0")).evidence.logged).toBe(false);
    expect(await registry.host().client().advisories()).toBeUndefined();
  });
});

it("a first root that is not the pinned one is refused", async () => {
  await resolve(registry.host({ root: await registry.trust.fingerprint() }));
  await refused(resolve(registry.host({ root: "0".repeat(64) })), "PLINTH_TRUST_ROOT");
});

describe("documents above their size", () => {
  it.each([[TIMESTAMP_PATH], ["trust/root/1.json"], ["trust/root/2.json"]])("such as %s are not read", async (path) => {
    await writeFile(join(registry.dir, path), Buffer.alloc(64 * 1024, 0x20));
    await refused(resolve(), "PLINTH_REGISTRY_SIZE");
  });

  it("such as an index longer than its signed state says are not read", async () => {
    await writeFile(join(registry.dir, WEATHER), Buffer.alloc(1024 * 1024, 0x20));
    await refused(resolve(), "PLINTH_TRUST_MIX");
  });
});

describe("a namespace", () => {
  it("is not signed for by another publisher, even when the registry's log has it", async () => {
    const acme = testKey("acme", 7);
    await registry.publish("acme.clock", "1.0.0", acme);
    await forgeIndex((index) => {
      const entry = { ...index.versions[0], version: "1.0.1", manifest: { ...index.versions[0].manifest, version: "1.0.1" } };
      Reflect.deleteProperty(entry, "log");
      entry.signature = sign({ ...entry, id: "demo.weather" }, acme);
      index.versions.push(entry);
    });
    await refused(registry.host().client().download("demo.weather", "1.0.1"), "PLINTH_TRUST_DELEGATION");
  });

  it("is delegated by the role targets only", async () => {
    const path = "keys/demo.json";
    const delegation = await registry.json(path);
    const own = testKey("demo", 7);
    const keys = [{ ...delegation.signed.keys[0], keyId: own.keyId, publicKey: own.publicKey }];
    const forged = Buffer.from(prettyJson(signDocument({ ...delegation.signed, keys }, registry.keys.snapshot)));
    await writeFile(join(registry.dir, path), forged);
    await refused(host.client().download("demo.weather", "1.0.0"), "PLINTH_TRUST_MIX");
    await forgeState(registry.keys, { leaf: [path, leafOf(forged)] });
    await refused(host.client().download("demo.weather", "1.0.0"), "PLINTH_TRUST_THRESHOLD");
  });

  it("is refused when nobody is named for it", async () => {
    await forgeState(registry.keys, { leaf: ["keys/demo.json", undefined] });
    await refused(host.client().download("demo.weather", "1.0.0"), "PLINTH_TRUST_DELEGATION");
  });
});
