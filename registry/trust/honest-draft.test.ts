import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publish } from "../publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import type { Change } from "./change-draft.ts";
import { SignedRegistry } from "./signed-registry.testing.ts";

const FEED = "advisories.json";
const WEATHER = "packages/demo/weather.json";

let registry: SignedRegistry;
beforeEach(async () => {
  registry = await SignedRegistry.make();
  await registry.publish("demo.weather", "1.0.0");
});
afterEach(() => rm(registry.dir, { recursive: true, force: true }));

const advisory = (id: string, more: object = {}) =>
  ({
    id,
    package: "demo.weather",
    affected: "<2",
    severity: "high",
    title: "It leaks",
    action: "warn",
    at: "2026-03-01T00:00:00.000Z",
    ...more,
  }) as const;
const advise = (id: string, more: object = {}) => registry.commit({ type: "advisory", advisory: advisory(id, more) } as Change);
const told = async () => (await registry.host().client().advisories())!.advisories.map(({ id }) => id);

/** Every file of the registry's folder with its text, but for its lock. */
async function everything(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of (await readdir(registry.dir, { recursive: true, withFileTypes: true })).filter(
    (one) => one.isFile() && !one.name.startsWith("."),
  )) {
    const path = join(entry.parentPath, entry.name);
    found[path.slice(registry.dir.length + 1)] = await readFile(path, "latin1");
  }
  return found;
}

describe("what a host would refuse is neither signed nor written", () => {
  it.each<[string, object]>([
    ["a field that no host knows", { summary: "x" }],
    ["a range that is none", { affected: "not a range" }],
    ["a title that is too long", { title: "x".repeat(201) }],
    ["a time that is none", { at: "soon" }],
    ["a package that is none", { package: "demo" }],
    ["an action that is none", { action: "explode" }],
  ])("an advisory with %s", async (_what, more) => {
    await advise("PSA-1");
    const before = await everything();
    await expect(advise("PSA-2", more)).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_(DOCUMENT_INVALID|ADVISORY_RANGE)$/) });
    expect(await everything()).toEqual(before);
    await registry.publish("demo.rain", "1.0.0");
    expect(await told()).toEqual(["PSA-1"]);
  });

  it("a withdrawal with a reason that is too long, which leaves the index as it was", async () => {
    const before = await everything();
    await expect(registry.yank("demo.weather", "1.0.0", "x".repeat(401))).rejects.toMatchObject({ code: "PLINTH_DOCUMENT_INVALID" });
    expect(await everything()).toEqual(before);
    await registry.host().client().download("demo.weather", "1.0.0");
  });

  it("a version under a key that hosts do not follow, whose first package leaves no trace", async () => {
    const index = await registry.json("registry.json");
    index.keys.acme = [{ keyId: testKey("acme").keyId, publicKey: testKey("acme").publicKey }];
    await registry.write("registry.json", index);
    await registry.publish("acme.clock", "1.0.0");
    // The list for publishers says another key than the delegation.
    const other = testKey("acme", 9);
    const list = await registry.json("registry.json");
    list.keys.acme = [{ keyId: other.keyId, publicKey: other.publicKey }];
    await registry.write("registry.json", list);
    const before = await everything();
    await expect(registry.publish("acme.rain", "1.0.0", other)).rejects.toMatchObject({ code: "PLINTH_DOCUMENT_INVALID" });
    expect(await everything()).toEqual(before);
  });

  it("anything once the root has expired", async () => {
    registry.now += 366 * 86_400_000;
    const before = await everything();
    await expect(registry.publish("demo.rain", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_DOCUMENT_INVALID" });
    expect(await everything()).toEqual(before);
  });
});

describe("a damaged feed", () => {
  const damages: [string, (text: string) => string][] = [
    ["that is not JSON", () => "{"],
    ["with an entry that no host can read", (text) => text.replace('"title": "It leaks"', '"title": "It leaks", "summary": "x"')],
    ["with an advisory that nobody signed", (text) => text.replace('"severity": "high"', '"severity": "low"')],
    ["that is gone", () => ""],
  ];

  it.each(damages)("%s keeps nobody from publishing and withdrawing", async (_what, damage) => {
    await advise("PSA-1");
    const text = damage(await readFile(join(registry.dir, FEED), "utf8"));
    if (text === "") await rm(join(registry.dir, FEED));
    else await writeFile(join(registry.dir, FEED), text);
    await registry.publish("demo.rain", "1.0.0");
    await registry.publish("acme.clock", "1.0.0");
    await registry.yank("demo.weather", "1.0.0");
    await registry.reopen();
    expect((await registry.host().client().download("acme.clock", "1.0.0")).evidence.logged).toBe(true);
  });

  it.each(damages)("%s is mended: with what the log vouches for, and what the indexes say", async (_what, damage) => {
    for (const id of ["PSA-1", "PSA-2"]) await advise(id);
    const text = await readFile(join(registry.dir, FEED), "utf8");
    // The first of the two is damaged, or all of the file is.
    const broken = damage(text);
    if (broken === "") await rm(join(registry.dir, FEED));
    else await writeFile(join(registry.dir, FEED), broken);
    await registry.yank("demo.weather", "1.0.0", "It is broken");
    const lost = await registry.trust.repair();
    const whole = broken.startsWith("{\n") ? ["PSA-2"] : [];
    expect(lost).toEqual(["PSA-1", "PSA-2"].filter((id) => !whole.includes(id)));
    const feed = (await registry.host().client().advisories())!;
    expect(feed.advisories.map(({ id }) => id)).toEqual(whole);
    expect(feed.withdrawn).toMatchObject([{ id: "demo.weather", version: "1.0.0", reason: "It is broken" }]);
    expect(await registry.trust.repair()).toBeUndefined();
  });

  it("is mended by the next advisory, which a host then reads", async () => {
    await advise("PSA-1");
    await writeFile(join(registry.dir, FEED), "nothing");
    await advise("PSA-2");
    expect(await told()).toEqual(["PSA-2"]);
  });

  it("that somebody wrote into is never signed by the registry", async () => {
    await advise("PSA-1");
    const forged = await registry.json(FEED);
    forged.signed.advisories.push(advisory("PSA-9", { severity: "critical", action: "remove" }));
    await registry.write(FEED, forged);
    await advise("PSA-2");
    expect(await told()).toEqual(["PSA-1", "PSA-2"]);
  });
});

it("nor does an index that fits its schema and that no host accepts", async () => {
  for (const id of ["demo.rain", "demo.snow"]) await registry.publish(id, "1.0.0");
  const index = await registry.json(WEATHER);
  await registry.write(WEATHER, { ...index, versions: [...index.versions, ...index.versions] });
  await publish({ registry: registry.dir, tarball: await testTarball("demo.rain", "1.1.0"), key: testKey(), trust: { commit: async () => {} } });
  await registry.reopen();
  expect(registry.trust.damaged).toEqual([expect.stringContaining("twice")]);
  await registry.host().client().download("demo.rain", "1.1.0");
  await registry.publish("demo.snow", "1.1.0");
});

it("a damaged index keeps nobody else from publishing, nor the registry from opening", async () => {
  await registry.publish("demo.rain", "1.0.0");
  const text = await readFile(join(registry.dir, WEATHER), "utf8");
  await writeFile(join(registry.dir, WEATHER), text.slice(0, -20));
  await registry.reopen();
  expect(registry.trust.damaged).toEqual([expect.stringContaining(WEATHER)]);
  await registry.publish("demo.rain", "1.1.0");
  await registry.host().client().download("demo.rain", "1.1.0");
  await writeFile(join(registry.dir, WEATHER), text);
  await registry.host().client().download("demo.weather", "1.0.0");
});
