import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HttpRegistry, serveRegistry } from "../http-registry.testing.ts";
import { signDocument } from "./envelope.ts";
import { type ForkProof, isFork } from "./fork-proof.ts";
import { TestHost } from "./host-trust.testing.ts";
import { TIMESTAMP_PATH } from "./registry-state.ts";
import { makeRoot, roleKeysFromSeed } from "./roles.ts";
import { HOUR, SignedRegistry } from "./signed-registry.testing.ts";

let registry: SignedRegistry;
/** The same registry, run by the same keys, that tells something else from some point on. */
let twin: SignedRegistry;
let served: HttpRegistry;
let ours: TestHost;
let theirs: TestHost;
const folders: string[] = [];

beforeEach(async () => {
  registry = await SignedRegistry.make();
  await registry.publish("demo.weather", "1.0.0");
  served = await serveRegistry(registry.dir);
  ours = new TestHost(() => registry.now);
  theirs = new TestHost(() => registry.now);
});
afterEach(async () => {
  await served.close();
  for (const dir of [registry.dir, ...folders.splice(0)]) await rm(dir, { recursive: true, force: true });
});

async function split(): Promise<void> {
  twin = Object.assign(Object.create(registry), { dir: await registry.copy() });
  folders.push(twin.dir);
  await twin.reopen();
}

/** Renew the one that is behind, so that both are at one number. */
async function even(): Promise<void> {
  const version = async (of: SignedRegistry): Promise<number> => (await of.json(TIMESTAMP_PATH)).signed.version;
  while ((await version(registry)) < (await version(twin))) await registry.trust.renew();
  while ((await version(twin)) < (await version(registry))) await twin.trust.renew();
}

const look = (host: TestHost) => host.client(served.url).resolve("demo.weather");
const refused = (attempt: Promise<unknown>, code: string) => expect(attempt).rejects.toMatchObject({ code });
const state = (host: TestHost) => JSON.parse(host.stored.get(host.keys("trust/root/")[0]!)!);
const proven = async (proof: ForkProof) => isFork(JSON.parse(JSON.stringify(proof)), (await registry.json("trust/root/1.json")).signed);

describe("a registry that says two things under one number", () => {
  it("is refused, and refused from then on, with a proof for others", async () => {
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await twin.publish("demo.weather", "1.1.1");
    await even();
    await look(ours);
    served.dir = twin.dir;
    await refused(look(ours), "PLINTH_LOG_FORK");
    served.dir = registry.dir;
    await refused(look(ours), "PLINTH_LOG_FORK");
    await refused(ours.client(served.url).download("demo.weather", "1.0.0"), "PLINTH_LOG_FORK");
    const { fork } = state(ours);
    expect(fork).toMatchObject({ kind: "timestamp", at: "2026-03-01T00:00:00.000Z" });
    expect(await proven(fork)).toBe(true);
  });

  it("is refused at another address, too", async () => {
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await twin.publish("demo.weather", "1.1.1");
    await even();
    await look(ours);
    const mirror = await serveRegistry(twin.dir);
    await refused(ours.client(mirror.url).resolve("demo.weather"), "PLINTH_LOG_FORK");
    await mirror.close();
    await refused(look(ours), "PLINTH_LOG_FORK");
  });

  it("is noticed when one number of a snapshot stands for two, under a newer timestamp", async () => {
    await look(ours);
    const { signed } = await registry.json(TIMESTAMP_PATH);
    const snapshot = { ...signed.snapshot, sha256: "0".repeat(64) };
    await writeFile(join(registry.dir, TIMESTAMP_PATH), prettyJson(signDocument({ ...signed, version: 9, snapshot }, registry.keys.timestamp)));
    await refused(look(ours), "PLINTH_LOG_FORK");
    expect(await proven(state(ours).fork)).toBe(true);
  });
});

describe("a log that tells another past", () => {
  it.each([
    ["a power of two", 0],
    ["another number", 1],
    ["another number", 3],
  ])("is kept as proven where the older one had %s of events", async (_what, more) => {
    for (let at = 0; at < more; at++) await registry.publish("demo.weather", `1.0.${at + 1}`);
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await look(ours);
    await twin.publish("demo.weather", "1.2.0");
    await twin.publish("demo.weather", "1.2.1");
    served.dir = twin.dir;
    await refused(look(ours), "PLINTH_LOG_FORK");
    const { fork } = state(ours);
    expect(fork.kind).toBe("log");
    expect(await proven(fork)).toBe(true);
  });

  it("is refused and not held against the registry's keys where only its tiles are wrong", async () => {
    await look(ours);
    await registry.publish("demo.weather", "1.1.0");
    served.hides = (path) => path.startsWith("log/tile/");
    await expect(look(ours)).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_/) });
    expect(state(ours).fork).toBeUndefined();
    served.hides = () => false;
    expect((await look(ours)).version).toBe("1.1.0");
  });

  it("is proven by nothing that somebody made up", async () => {
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await twin.publish("demo.weather", "1.1.1");
    await even();
    const [one, other] = [await registry.json(TIMESTAMP_PATH), await twin.json(TIMESTAMP_PATH)];
    expect(await proven({ kind: "timestamp", ours: one, theirs: other })).toBe(true);
    expect(await proven({ kind: "timestamp", ours: one, theirs: one })).toBe(false);
    const forged = signDocument(other.signed, roleKeysFromSeed("stranger").timestamp);
    expect(await proven({ kind: "timestamp", ours: one, theirs: forged as never })).toBe(false);
    expect(await proven({ kind: "log", ours: "", theirs: "" })).toBe(false);
    expect(await proven({} as never)).toBe(false);
  });
});

describe("two hosts that compare", () => {
  const document = async (host: TestHost) => JSON.parse(JSON.stringify(await host.client(served.url).checkpoint()));
  const compare = async (host: TestHost, value: unknown) => host.client(served.url).compare(value);

  it("see that they were told the same, or that one is behind", async () => {
    await look(ours);
    const old = await document(ours);
    expect(await compare(theirs, old)).toMatchObject({ is: "same", remembered: false });
    await registry.publish("demo.weather", "1.1.0");
    await registry.publish("demo.weather", "1.1.1");
    expect((await compare(theirs, old)).is).toBe("ours-newer");
    const newer = await document(theirs);
    served.hides = (path) => path === TIMESTAMP_PATH;
    await refused(look(ours), "PLINTH_TRUST_MISSING");
    served.hides = () => false;
    expect((await compare(ours, newer)).is).toBe("same");
  });

  it.each([
    ["as long as theirs", 1, 1],
    ["longer than theirs", 2, 1],
  ])("find a fork where the log is %s, and stop believing it", async (_what, here, there) => {
    await split();
    for (let at = 0; at < here; at++) await registry.publish("demo.weather", `1.1.${at}`);
    for (let at = 0; at < there; at++) await twin.publish("demo.weather", `1.2.${at}`);
    served.dir = twin.dir;
    const other = await document(theirs);
    served.dir = registry.dir;
    const found = await compare(ours, other);
    expect(found).toMatchObject({ is: "fork", remembered: true });
    expect(await proven(found.proof!)).toBe(true);
    await refused(look(ours), "PLINTH_LOG_FORK");
  });

  it("can tell nothing of a longer log that the registry does not show here; who was shown it can", async () => {
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await twin.publish("demo.weather", "1.2.0");
    await twin.publish("demo.weather", "1.2.1");
    const mine = await document(ours);
    served.dir = twin.dir;
    const other = await document(theirs);
    expect(await compare(theirs, mine)).toMatchObject({ is: "fork", remembered: true });
    served.dir = registry.dir;
    expect(await compare(ours, other)).toMatchObject({ is: "unproven", remembered: false });
  });

  it("find that they were shown different first roots of the same keys", async () => {
    await look(ours);
    const other = await document(ours);
    const { signed } = await registry.json("trust/root/1.json");
    const root = makeRoot({ origin: "test", expires: "2031-01-01T00:00:00.000Z", keys: registry.keys }, registry.keys.root);
    expect(root.signed).not.toEqual(signed);
    const found = await compare(ours, { ...other, roots: [root] });
    expect(found).toMatchObject({ is: "fork", proof: { kind: "root" }, remembered: true });
    expect(await proven(found.proof!)).toBe(true);
  });

  it("do not hold against a registry what a key says that was taken away", async () => {
    await split();
    await registry.publish("demo.weather", "1.1.0");
    await twin.publish("demo.weather", "1.1.1");
    served.dir = twin.dir;
    const stolen = await document(theirs);
    served.dir = registry.dir;
    const next = { ...roleKeysFromSeed("next"), root: registry.keys.root };
    await registry.trust.rotateRoot(next, registry.keys.root);
    registry.now += HOUR;
    expect(await compare(ours, stolen)).toMatchObject({ is: "fork", remembered: false });
    expect((await look(ours)).version).toBe("1.1.0");
  });

  it.each([
    ["nothing", undefined],
    ["no document", { checkpoint: "x" }],
    ["without roots", { plinthCheckpoint: 1, roots: [], checkpoint: "x" }],
    ["with no root", { plinthCheckpoint: 1, roots: [{}], checkpoint: "x" }],
    ["not even one root", { plinthCheckpoint: 1, roots: [null], checkpoint: "x" }],
  ])("refuse what is %s", async (_what, value) => {
    await expect(compare(ours, value)).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_(CHECKPOINT_INVALID|REGISTRY_INVALID)$/) });
  });

  it("refuse what the log's key has not signed, and what is of another registry", async () => {
    const own = await document(ours);
    const stranger = await SignedRegistry.make({}, roleKeysFromSeed("stranger"));
    folders.push(stranger.dir);
    await stranger.publish("demo.weather", "1.0.0");
    served.dir = stranger.dir;
    const foreign = await document(theirs);
    served.dir = registry.dir;
    await refused(compare(ours, foreign), "PLINTH_CHECKPOINT_OTHER");
    await refused(compare(ours, { ...own, checkpoint: foreign.checkpoint }), "PLINTH_CHECKPOINT_INVALID");
    await refused(compare(ours, { ...foreign, roots: own.roots }), "PLINTH_CHECKPOINT_INVALID");
    expect(state(ours).fork).toBeUndefined();
  });
});
