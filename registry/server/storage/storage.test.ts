import type { Manifest } from "@plinth/manifests";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Storage, Token } from "./index.ts";
import { openPlace, type Place, removePlaces, storageKinds } from "./storages.testing.ts";

afterAll(removePlaces);

const at = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString();
const token = (id: string, day = 1): Token => ({
  id,
  user: id.slice(0, 3),
  label: "ci",
  scopes: ["publish", "yank"],
  packages: ["demo.*", "acme.cafe"],
  createdAt: at(day),
  expiresAt: at(31),
});
const listed = (id: string, more: Partial<Manifest> = {}) => ({
  id,
  version: "1.0.0",
  manifest: { id, version: "1.0.0", title: id, description: "Of use.", engines: { plinth: "^0.1.0" }, ...more } as Manifest,
  updatedAt: at(1),
  readme: `# ${id}`,
  skeleton: id.replace("rn", "m"),
});
const all = { text: "", limit: 100, offset: 0 };

describe.each(storageKinds)("what a registry keeps in $name", ({ place }) => {
  let where: Place;
  let storage: Storage;
  beforeEach(async () => {
    where = await place();
    storage = await openPlace(where);
  });
  afterEach(() => storage.close());
  const ids = async (query: object) => (await storage.packages.search({ ...all, ...query })).packages.map(({ id }) => id);

  it("is there when it is opened again", async () => {
    await storage.tokens.add(token("ann1"), Buffer.from([0, 1, 255]));
    await storage.packages.put([listed("demo.weather")]);
    await storage.close();
    storage = await openPlace(where);
    expect((await storage.tokens.find("ann1"))!.token).toEqual(token("ann1"));
    expect(await ids({ text: "weather" })).toEqual(["demo.weather"]);
  });

  it("may be opened by several at once, the first time also", async () => {
    const fresh = await place();
    const opened = await Promise.all([openPlace(fresh), openPlace(fresh), openPlace(fresh)]);
    await opened[0]!.allowedNames.add("derno");
    expect(await opened[2]!.allowedNames.has("derno")).toBe(true);
    await Promise.all(opened.map((one) => one.close()));
  });

  it("finds a token with its hash, lists the newest first, and revokes it once", async () => {
    await storage.tokens.add(token("ann1", 1), Buffer.from([0, 1, 255]));
    await storage.tokens.add(token("bob1", 2), Buffer.from([2]));
    expect(Buffer.from((await storage.tokens.find("ann1"))!.hash)).toEqual(Buffer.from([0, 1, 255]));
    expect(await storage.tokens.find("nobody")).toBeUndefined();
    expect((await storage.tokens.list()).map(({ id }) => id)).toEqual(["bob1", "ann1"]);
    expect((await storage.tokens.list("ann")).map(({ id }) => id)).toEqual(["ann1"]);
    expect(await storage.tokens.revoke("ann1", at(3))).toBe(true);
    expect(await storage.tokens.revoke("ann1", at(4))).toBe(false);
    await storage.tokens.used("ann1", at(5));
    expect((await storage.tokens.find("ann1"))!.token).toMatchObject({ revokedAt: at(3), lastUsedAt: at(5) });
  });

  it("knows what a token was made from, ends what was made from it, and adds none to one that has ended", async () => {
    const hash = Buffer.from([1]);
    const child = { ...token("ann2"), parent: "ann1" };
    const grandchild = { ...token("ann3"), parent: "ann2" };
    expect(await storage.tokens.add(child, hash)).toBe(false);
    for (const one of [token("ann1"), child, grandchild, token("bob1")]) expect(await storage.tokens.add(one, hash)).toBe(true);
    expect(await storage.tokens.find("ann3")).toMatchObject({ token: grandchild, ancestors: [child, token("ann1")] });
    expect([await storage.tokens.children("ann1", at(2)), await storage.tokens.children("ann1", at(31))]).toEqual([1, 0]);
    const next = { ...token("ann4"), parent: "ann1" };
    expect([await storage.tokens.replace("ann2", at(2), next, hash), await storage.tokens.replace("ann2", at(2), next, hash)]).toEqual([true, false]);
    expect((await storage.tokens.find("ann3"))!.token.revokedAt).toBe(at(2));
    expect(await storage.tokens.revoke("ann1", at(3))).toBe(true);
    expect((await storage.tokens.list()).map(({ id, revokedAt }) => [id, revokedAt])).toEqual([
      ["ann1", at(3)],
      ["ann2", at(2)],
      ["ann3", at(2)],
      ["ann4", at(3)],
      ["bob1", undefined],
    ]);
    expect(await storage.tokens.add({ ...token("ann5"), parent: "ann4" }, hash)).toBe(false);
  });

  it("gives a user's name to one of those who claim it at once, for good", async () => {
    const claim = (proof: string) => storage.users.claim({ name: "ann", proof, createdAt: at(1) });
    const claims = await Promise.all(Array.from({ length: 8 }, (_, index) => claim(`key:${index}`)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await storage.users.find("ann")).toEqual({ name: "ann", proof: `key:${claims.indexOf(true)}`, createdAt: at(1) });
    expect(await storage.users.find("eve")).toBeUndefined();
  });

  it("keeps a last owner, also when two are removed at once", async () => {
    await storage.publishers.add({ name: "demo", owners: ["ann", "bob"], createdAt: at(1) }, "demo");
    const removed = await Promise.all(["ann", "bob"].map((user) => storage.publishers.removeOwner("demo", user)));
    expect(removed.filter(Boolean)).toHaveLength(1);
    expect((await storage.publishers.find("demo"))!.owners).toHaveLength(1);
  });

  it("adds a publisher with all owners or not at all", async () => {
    await storage.publishers.add({ name: "demo", owners: ["bob", "ann"], createdAt: at(1) }, "derno");
    await expect(storage.publishers.add({ name: "demo", owners: ["eve"], createdAt: at(2) }, "derno")).rejects.toThrow();
    expect(await storage.publishers.find("demo")).toEqual({ name: "demo", owners: ["ann", "bob"], createdAt: at(1) });
    expect(await storage.publishers.find("acme")).toBeUndefined();
    expect(await storage.publishers.bySkeleton("derno")).toEqual(["demo"]);
    expect([await storage.publishers.addOwner("demo", "eve"), await storage.publishers.addOwner("demo", "eve")]).toEqual([true, false]);
    expect([await storage.publishers.removeOwner("demo", "bob"), await storage.publishers.removeOwner("demo", "bob")]).toEqual([true, false]);
    await storage.publishers.setDomain("demo", "example.com");
    await storage.publishers.setBan("demo", "spam");
    expect(await storage.publishers.find("demo")).toMatchObject({ owners: ["ann", "eve"], domain: "example.com", bannedFor: "spam" });
    await storage.publishers.setBan("demo", undefined);
    expect((await storage.publishers.find("demo"))!.bannedFor).toBeUndefined();
  });

  it("ranks a name before a title before what is provided before a description", async () => {
    const provides = [{ contract: "plinth.tool", version: "1.0.0", id: "clock" }] as unknown as Manifest["provides"];
    await storage.packages.put([
      listed("demo.a", { description: "Reads a clock." }),
      listed("demo.b", { provides: provides! }),
      listed("demo.c", { title: "The clock" }),
      listed("demo.clock"),
      listed("demo.d", { description: "Nothing." }),
    ]);
    expect(await ids({ text: "clo" })).toEqual(["demo.clock", "demo.c", "demo.b", "demo.a"]);
    expect(await ids({ contract: "plinth.tool" })).toEqual(["demo.b"]);
  });

  it("finds words of other alphabets, with accents or without", async () => {
    await storage.packages.put([
      listed("demo.a", { title: "Прогноз погоды" }),
      listed("demo.b", { title: "Žluťoučký kůň" }),
      listed("demo.c", { title: "天気 予報" }),
    ]);
    expect(await ids({ text: "ПОГО" })).toEqual(["demo.a"]);
    expect(await ids({ text: "zlutoucky" })).toEqual(["demo.b"]);
    expect(await ids({ text: "KŮŇ" })).toEqual(["demo.b"]);
    expect(await ids({ text: "天" })).toEqual(["demo.c"]);
  });

  it.each(["'", "\\", "a' | 'b", "weather:*", "!weather", "\0", "\u{d800}", "')) or 1=1 --", `${"x".repeat(200)}`])(
    "takes %j for words",
    async (text) => {
      await storage.packages.put([listed("demo.weather")]);
      expect(typeof (await storage.packages.search({ ...all, text })).total).toBe("number");
      expect(await storage.packages.search({ ...all, publisher: text, contract: text, permission: text })).toEqual({ total: 0, packages: [] });
      expect(await ids({ text: "weather" })).toEqual(["demo.weather"]);
    },
  );

  it("pages through what it found, and knows how many there are beyond the last page", async () => {
    await storage.packages.put(["demo.e", "demo.b", "acme.d", "demo.a", "demo.c"].map((id) => listed(id)));
    expect(await ids({ limit: 2, offset: 1 })).toEqual(["demo.a", "demo.b"]);
    expect(await storage.packages.search({ text: "use", limit: 2, offset: 4 })).toMatchObject({ total: 5, packages: [{}] });
    expect(await storage.packages.search({ ...all, offset: 50 })).toEqual({ total: 5, packages: [] });
    expect(await ids({ text: "use", publisher: "acme" })).toEqual(["acme.d"]);
  });

  it("replaces a package, keeps its downloads, and forgets it when told to", async () => {
    await storage.downloads.add([{ id: "demo.a", version: "1.0.0", day: "2026-01-01", count: 2 }]);
    await storage.packages.put([listed("demo.a", { permissions: { net: ["*"] } as unknown as Manifest["permissions"] & {} }), listed("demo.b")]);
    await storage.downloads.add([
      { id: "demo.a", version: "1.0.0", day: "2026-01-01", count: 3 },
      { id: "demo.a", version: "1.0.0", day: "2026-01-01", count: 1 },
      { id: "demo.a", version: "1.1.0", day: "2026-01-02", count: 4 },
    ]);
    await storage.packages.put([{ ...listed("demo.a", { title: "Umbrella" }), version: "1.1.0" }]);
    expect((await storage.packages.search({ ...all, text: "umbrella" })).packages).toMatchObject([{ id: "demo.a", version: "1.1.0", downloads: 10 }]);
    expect(await ids({ permission: "net" })).toEqual([]);
    expect(await storage.downloads.of("demo.a")).toEqual({
      total: 10,
      versions: { "1.0.0": 6, "1.1.0": 4 },
      days: { "2026-01-01": 6, "2026-01-02": 4 },
    });
    expect(await storage.packages.popular(10, 5)).toEqual(["demo.a"]);
    expect(await storage.packages.readme("demo.a")).toBe("# demo.a");
    await storage.packages.remove("demo.a");
    expect([await storage.packages.readme("demo.a"), await storage.packages.count()]).toEqual([undefined, 1]);
    await storage.packages.clear();
    expect(await ids({})).toEqual([]);
  });

  it("counts no download twice or never when many come at once", async () => {
    await storage.packages.put([listed("demo.a")]);
    const add = () => storage.downloads.add([{ id: "demo.a", version: "1.0.0", day: "2026-01-01", count: 1 }]);
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? storage.packages.put([listed("demo.a")]) : add())));
    expect((await storage.packages.search(all)).packages[0]!.downloads).toBe(30);
    expect((await storage.downloads.of("demo.a")).total).toBe(30);
  });

  it("writes down who did what, newest first", async () => {
    const event = { at: at(1), user: "ann", address: "127.0.0.1", action: "publish", subject: "demo.a@1.0.0" };
    await storage.audit.add(event);
    await storage.audit.add({ ...event, subject: "demo.b@1.0.0", tokenId: "t", detail: "x" });
    const [newest, oldest] = await storage.audit.list({ limit: 5 });
    expect(newest).toMatchObject({ subject: "demo.b@1.0.0", tokenId: "t", detail: "x" });
    expect(oldest).toEqual({ ...event, sequence: expect.any(Number) });
    expect(await storage.audit.list({ before: newest!.sequence, limit: 5 })).toEqual([oldest]);
    expect(await storage.audit.list({ subject: "demo.a@1.0.0", limit: 5 })).toEqual([oldest]);
  });

  it("has reports open until somebody resolves them", async () => {
    const report = { at: at(1), package: "demo.a", reason: "malware", detail: "NUL \0", address: "::1" };
    const id = await storage.reports.add(report);
    await storage.reports.add({ ...report, version: "1.0.0" });
    expect(await storage.reports.countOpen("::1")).toBe(2);
    expect([await storage.reports.resolve(id, "no", at(2)), await storage.reports.resolve(id, "no", at(3))]).toEqual([true, false]);
    expect(await storage.reports.list({ open: false, limit: 5 })).toMatchObject([{ id, resolution: "no", resolvedAt: at(2) }]);
    expect(await storage.reports.list({ open: true, limit: 5 })).toMatchObject([{ version: "1.0.0" }]);
  });

  it("keeps findings and what is pending", async () => {
    const findings = [{ code: "x" }] as unknown as Parameters<Storage["findings"]["put"]>[2];
    await storage.findings.put("demo.a", "1.0.0", []);
    await storage.findings.put("demo.a", "1.0.0", findings);
    expect(await storage.findings.of("demo.a", "1.0.0")).toEqual(findings);
    expect(await storage.findings.of("demo.a", "2.0.0")).toBeUndefined();
    for (const id of ["demo.b", "demo.a", "demo.b", "demo.c"]) await storage.pending.add(id);
    await storage.pending.remove(["demo.a", "demo.z"]);
    expect(await storage.pending.list()).toEqual(["demo.b", "demo.c"]);
  });
});
