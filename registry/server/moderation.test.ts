import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RegistryClient } from "../client.ts";
import { publishRemotely } from "../remote-publish.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

let registry: TestRegistry;
let admin: string;
let ann: string;
const BASE = "api/v1/moderation/packages/demo.weather/versions/1.1.0";
const BLOB = "blobs/demo/weather/weather-1.1.0.tgz";

beforeEach(async () => {
  registry = await startTestRegistry();
  admin = await registry.token("root", ["admin"]);
  ann = await registry.token("ann");
  const key = await registry.publisher("demo", "ann");
  for (const version of ["1.0.0", "1.1.0"]) await publishRemotely(registry.remote(ann), await testTarball("demo.weather", version), key);
});
afterEach(stopTestRegistries);
const client = () => new RegistryClient({ name: "test", url: registry.url, pins: memoryPins() });

describe("moderators", () => {
  it("withhold a version while they look at it, and give it back", async () => {
    expect((await registry.call("PUT", `${BASE}/hidden`, admin, { reason: "Reported as malicious" })).status).toBe(200);
    const gone = await registry.get(BLOB);
    expect([gone.status, (await gone.json()).code]).toEqual([410, "PLINTH_VERSION_BLOCKED"]);
    expect(await readdir(join(registry.dir, "blobs/demo/weather"))).toEqual(["weather-1.0.0.tgz"]);
    expect((await client().resolve("demo.weather")).version).toBe("1.0.0");
    // Its publisher can neither offer it again nor publish the number again.
    expect(await (await registry.call("DELETE", "api/v1/packages/demo.weather/versions/1.1.0/yank", ann)).json()).toMatchObject({
      code: "PLINTH_FORBIDDEN",
    });
    await expect(publishRemotely(registry.remote(ann), await testTarball("demo.weather", "1.1.0"), testKey())).rejects.toMatchObject({
      code: "PLINTH_VERSION_EXISTS",
    });
    expect((await registry.call("DELETE", `${BASE}/hidden`, admin)).status).toBe(200);
    expect((await client().download("demo.weather", "1.1.0")).bytes.equals(await testTarball("demo.weather", "1.1.0"))).toBe(true);
    expect((await client().resolve("demo.weather")).version).toBe("1.1.0");
  });

  it("take a version down for good; its number stays taken", async () => {
    await registry.call("PUT", `${BASE}/hidden`, admin, { reason: "x" });
    await registry.call("POST", `${BASE}/takedown`, admin, { reason: "It steals keys" });
    expect((await registry.get(BLOB)).status).toBe(410);
    expect(
      await readdir(join(registry.dataDir, "withheld"), { recursive: true }).then((names) => names.filter((name) => name.endsWith(".tgz"))),
    ).toEqual([]);
    expect(await (await registry.call("DELETE", `${BASE}/hidden`, admin)).json()).toMatchObject({ code: "PLINTH_VERSION_BLOCKED" });
    await expect(publishRemotely(registry.remote(ann), await testTarball("demo.weather", "1.1.0"), testKey())).rejects.toMatchObject({
      code: "PLINTH_VERSION_EXISTS",
    });
  });

  it("ban a publisher, whose owners then change nothing", async () => {
    await registry.call("PUT", "api/v1/moderation/publishers/demo/ban", admin, { reason: "Spam" });
    const attempt = publishRemotely(registry.remote(ann), await testTarball("demo.weather", "2.0.0"), testKey());
    await expect(attempt).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_BANNED" });
    await registry.call("DELETE", "api/v1/moderation/publishers/demo/ban", admin);
    await publishRemotely(registry.remote(ann), await testTarball("demo.weather", "2.0.0"), testKey());
  });

  it("get reports from anybody, in a queue that nobody can flood", async () => {
    const report = (detail: string) => registry.call("POST", "api/v1/packages/demo.weather/reports", undefined, { reason: "malicious", detail });
    expect((await report("It reads ~/.ssh")).status).toBe(201);
    const { reports } = await (await registry.call("GET", "api/v1/moderation/reports", admin)).json();
    expect(reports).toMatchObject([{ package: "demo.weather", reason: "malicious", detail: "It reads ~/.ssh" }]);
    await registry.call("POST", `api/v1/moderation/reports/${reports[0].id}/resolution`, admin, { reason: "Taken down" });
    expect(await (await registry.call("GET", "api/v1/moderation/reports", admin)).json()).toEqual({ reports: [] });
    const statuses = [];
    for (let index = 0; index < 12; index++) statuses.push((await report("again")).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await registry.call("POST", "api/v1/packages/demo.none/reports", undefined, { reason: "spam", detail: "x" })).status).not.toBe(201);
  });

  it("are who has the scope admin, and nobody else", async () => {
    for (const [method, path, body] of [
      ["PUT", `${BASE}/hidden`, { reason: "x" }],
      ["POST", `${BASE}/takedown`, { reason: "x" }],
      ["PUT", "api/v1/moderation/publishers/demo/ban", { reason: "x" }],
      ["PUT", "api/v1/moderation/names/demo", undefined],
      ["GET", "api/v1/moderation/reports", undefined],
      ["GET", "api/v1/audit", undefined],
    ] as const) {
      expect(await (await registry.call(method, path, ann, body)).json()).toMatchObject({ code: "PLINTH_TOKEN_SCOPE" });
      expect(await (await registry.call(method, path, undefined, body)).json()).toMatchObject({ code: "PLINTH_UNAUTHENTICATED" });
    }
  });
});

describe("a moderator for one publisher", () => {
  const advisory = { package: "demo.weather", affected: "<2", severity: "high", title: "It leaks", action: "remove" };

  it("has no hand in what is another's: neither its versions, nor its name, nor the advice about it", async () => {
    const signed = await startTestRegistry({ signed: true });
    const root = await signed.token("root", ["admin"]);
    const zebra = await signed.token("zed", ["admin"], ["zebra.*"]);
    const code = async (token: string, method: string, path: string, body?: object) =>
      (await (await signed.call(method, `api/v1/${path}`, token, body)).json()).code;
    const key = await signed.publisher("demo", "ann");
    await publishRemotely(signed.remote(root), await testTarball(), key);
    const reason = { reason: "x" };
    for (const [method, path, body] of [
      ["PUT", "moderation/packages/demo.weather/versions/1.0.0/hidden", reason],
      ["POST", "moderation/packages/demo.weather/versions/1.0.0/takedown", reason],
      ["PUT", "moderation/publishers/demo/ban", reason],
      ["PUT", "moderation/advisories/PSA-1", advisory],
      ["PUT", "moderation/names/demo", undefined],
      ["PUT", "publishers/demo/owners/zed", undefined],
    ] as const) {
      expect([path, await code(zebra, method, path, body)]).toEqual([path, "PLINTH_TOKEN_SCOPE"]);
    }
    expect(await code(root, "PUT", "moderation/advisories/PSA-1", advisory)).toBeUndefined();
    // An id that is taken is about what it is about.
    expect(await code(zebra, "PUT", "moderation/advisories/PSA-1", { ...advisory, package: "zebra.x" })).toBe("PLINTH_TOKEN_SCOPE");
    expect(await code(zebra, "PUT", "moderation/advisories/PSA-2", { ...advisory, package: "zebra.x" })).toBeUndefined();
  });

  it.each([
    { summary: "x" },
    { affected: "not a range" },
    { title: "It \u202e leaks" },
    { url: "javascript:alert(1)" },
    { severity: "odd" },
    { fixed: 2 },
  ])("nor anybody makes the feed unreadable with %j, and who publishes next is none the wiser", async (more) => {
    const signed = await startTestRegistry({ signed: true });
    const root = await signed.token("root", ["admin"]);
    const key = await signed.publisher("demo", "ann");
    const answer = await signed.call("PUT", "api/v1/moderation/advisories/PSA-1", root, { ...advisory, ...more });
    expect([400, 422]).toContain(answer.status);
    await publishRemotely(signed.remote(root), await testTarball(), key);
    const client = new RegistryClient({ name: "test", url: signed.url, pins: memoryPins() });
    expect((await client.advisories())!.advisories).toEqual([]);
    expect(signed.errors).toEqual([]);
  });
});

it("who changed what, and who tried to, is written down", async () => {
  await registry.call("PUT", "api/v1/packages/demo.weather/versions/1.0.0/yank", await registry.token("eve"), { reason: "x" });
  await registry.call("PUT", "api/v1/packages/demo.weather/versions/1.0.0/yank", ann, { reason: "It is broken" });
  const { events } = await (await registry.call("GET", "api/v1/audit?subject=demo.weather@1.0.0", admin)).json();
  expect(events.map(({ user, action, detail }: Record<string, string>) => [user, action, detail])).toEqual([
    ["ann", "yank", "It is broken"],
    ["eve", "yank.refused", "PLINTH_NOT_OWNER"],
    ["ann", "publish", undefined],
  ]);
  expect(JSON.stringify(events)).not.toContain(ann.slice(21));
});
