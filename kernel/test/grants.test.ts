import { cp } from "node:fs/promises";
import type { Principal } from "@plinth/manifests/wire/bridge.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { admin, call, codeOf, install, OWNER, Product, snapshot } from "./product.ts";
import { lab, type Source, wordsExtension } from "./sources.ts";

let product: Product;
let host: Host;
afterEach(() => product.dispose());

const within = (scope: Record<string, string>): Principal => ({ ...OWNER, scope });
const run = (as: Principal = OWNER, input: unknown = {}) => call(host, "test.words.lab", "calm", "run", input, as);

/** Keeps what it is told, and gives it back. */
const auditor: Source = {
  manifest: {
    id: "test.audit",
    tiers: ["host"],
    provides: [{ contract: "plinth.audit", version: "1.0.0", id: "memory", descriptor: { title: "Memory" } }],
  },
  code: `
    const records = [];
    export default defineExtension({ activate(ctx) {
      ctx.provide("plinth.audit", "memory", {
        record: (input) => (records.push(...input.records), {}),
        query: () => ({ records: [...records].reverse() }),
      });
    } });`,
};
const recorded = async (): Promise<any[]> => (await call(host, "plinth.audit", null, "query")).records;

beforeEach(async () => {
  product = await Product.create(wordsExtension, auditor);
  host = await product.boot();
});

describe("a grant for one scope", () => {
  beforeEach(async () => {
    await install(
      host,
      await product.package(
        lab("acme.calm", { activate: 'ctx.hooks.on("test.words.changing", (text) => text + "!");' }, { hooks: [{ on: "test.words.changing" }] }),
      ),
    );
    await admin(host, "grant", { id: "acme.calm", scope: { session: "main" } });
  });

  it("holds in work of that scope and nowhere else", async () => {
    expect(await codeOf(run(within({ session: "main" })))).toBe("none");
    expect(await codeOf(run(within({ session: "other" })))).toBe("PLINTH_GRANT_SCOPE");
    expect(await codeOf(run())).toBe("PLINTH_GRANT_SCOPE");
  });

  it("keeps its hooks out of other work, without a word", async () => {
    const fire = (as: Principal) => call(host, "test.words.lab", "words", "run", { hook: "test.words.changing", payload: "a" }, as);
    expect(await fire(within({ session: "main" }))).toBe("a!");
    expect(await fire(within({ session: "other" }))).toBe("a");
    expect((await snapshot(host)).faults.size).toBe(0);
  });

  it("says who was chosen as long as updates come from the same party, and no longer", async () => {
    const from = await product.package(lab("acme.chosen"));
    await install(host, from);
    await admin(host, "grant", { id: "acme.chosen", chosen: ["plinth.model-provider"] });
    const other = await product.package(lab("acme.chosen", {}, { version: "1.1.0" }));
    await cp(other, from, { recursive: true, force: true });
    await install(host, from);
    expect(host.grants.all.get("acme.chosen")).toMatchObject({ version: "1.1.0", chosen: ["plinth.model-provider"] });
    await install(host, await product.package(lab("acme.chosen", {}, { version: "1.2.0" })));
    expect(host.grants.all.get("acme.chosen")).toMatchObject({ version: "1.2.0" });
    expect(host.grants.all.get("acme.chosen")).not.toHaveProperty("chosen");
  });

  it("survives a restart and an update, and is taken away by an owner", async () => {
    await host.stop();
    host = await product.boot();
    await install(host, await product.package(lab("acme.calm", {}, { version: "1.1.0" })));
    expect(await codeOf(run())).toBe("PLINTH_GRANT_SCOPE");
    expect(await admin(host, "grant", { id: "acme.calm", scope: null })).not.toHaveProperty("scope");
    expect(await codeOf(run())).toBe("none");
  });
});

it("a secret goes to a program that an owner pinned for it, by its handle in what is recorded, and to no other", async () => {
  await product.dispose();
  const provides = (contract: string, id: string) => [{ contract, version: "1.0.0", id, descriptor: { title: id } }];
  const secrets = {
    manifest: { id: "test.secrets", tiers: ["host" as const], provides: provides("plinth.secret-source", "fixed") },
    code: `export default defineExtension({ activate: (ctx) => ctx.provide("plinth.secret-source", "fixed", { resolve: () => "value-of-key" }) });`,
  };
  const runner = {
    manifest: { id: "test.runner", tiers: ["host" as const], provides: provides("plinth.program-runner", "echo") },
    code: `export default defineExtension({ activate(ctx) {
      ctx.provide("plinth.program-runner", "echo", { async *open(input) { yield { stdout: new TextEncoder().encode(JSON.stringify(input)) }; yield { code: 0, signal: null }; } });
    } });`,
  };
  product = await Product.create(wordsExtension, auditor, secrets, runner);
  host = await product.boot({ config: JSON.stringify({ policy: { audit: "all" } }) });
  const body = `return JSON.parse((await ctx.exec("/opt/tool", [], { env: { KEY: ctx.secrets.handle("KEY"), MODE: "x" } })).stdout);`;
  await install(host, await product.package(lab("acme.calm", { run: body }, { permissions: { exec: ["/opt/tool"], secrets: ["KEY"] } })));
  await expect(run()).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.calm", next: expect.stringContaining("grants pin") });
  const pin = { program: "/opt/tool", sha256: "a".repeat(64), secrets: ["KEY"] };
  await admin(host, "grant", { id: "acme.calm", pins: [pin] });
  const { request, pinned } = await run();
  expect(request.env).toEqual({ KEY: "value-of-key", MODE: "x" });
  expect(pinned).toEqual({ programs: [{ program: "/opt/tool", sha256: "a".repeat(64) }], variables: ["KEY"] });
  const told = async () => JSON.stringify(await recorded());
  await expect.poll(told, { timeout: 15_000 }).toContain("{{plinth-secret:KEY}} to /opt/tool");
  expect(await told()).not.toContain("value-of-key");
  await admin(host, "grant", { id: "acme.calm", pins: [{ ...pin, secrets: ["OTHER"] }] });
  expect(await codeOf(run())).toBe("PLINTH_PERMISSION");
  // Whoever brings the same id from elsewhere is another party.
  await admin(host, "grant", { id: "acme.calm", pins: [pin] });
  await install(
    host,
    await product.package(lab("acme.calm", { run: body }, { version: "1.1.0", permissions: { exec: ["/opt/tool"], secrets: ["KEY"] } })),
  );
  expect(await codeOf(run())).toBe("PLINTH_PERMISSION");
});

it("a grant that ends at a time is over from then on", async () => {
  await install(host, await product.package(lab("acme.calm")));
  await admin(host, "grant", { id: "acme.calm", expiresAt: Date.now() + 3_600_000 });
  expect(await codeOf(run())).toBe("none");
  await admin(host, "grant", { id: "acme.calm", expiresAt: Date.now() - 1 });
  expect(await codeOf(run())).toBe("PLINTH_GRANT_EXPIRED");
});

describe("revoking", () => {
  it("ends what runs at once with its code, and leaves the extension waiting for consent", async () => {
    await install(host, await product.package(lab("acme.calm", { run: "await new Promise(() => {});" })));
    const running = codeOf(run());
    await expect.poll(() => host.current.instances.get("acme.calm")?.inFlight).toBe(1);
    const before = host.current.instances.get("acme.calm");
    await admin(host, "revoke", { id: "acme.calm" });
    expect(await running).toBe("PLINTH_GRANT_REVOKED");
    expect(before?.active).toBe(false);
    expect(await codeOf(run())).toBe("PLINTH_CAPABILITY_MISSING");
    expect((await snapshot(host)).blocked.get("acme.calm")).toMatchObject({ code: "PLINTH_CONSENT_NEEDED" });
  });

  it("ends a stream between two items too", async () => {
    await install(host, await product.package(lab("acme.calm")));
    const entry = host.current.find("test.words.lab", "calm");
    const items = entry.by.stream(entry, "count", { to: 100 }, {}, null)[Symbol.asyncIterator]();
    expect(await items.next()).toMatchObject({ value: 1 });
    await admin(host, "revoke", { id: "acme.calm" });
    expect(await codeOf(items.next())).toBe("PLINTH_GRANT_REVOKED");
  });

  it("is refused for what has no grant", async () => {
    expect(await codeOf(admin(host, "revoke", { id: "acme.none" }))).toBe("PLINTH_NOT_INSTALLED");
    expect(await codeOf(admin(host, "revoke", { id: "test.words" }))).toBe("PLINTH_NOT_INSTALLED");
  });

  it("is for owners", async () => {
    await install(host, await product.package(lab("acme.calm")));
    for (const method of ["grant", "revoke", "importGrants"])
      expect(await codeOf(admin(host, method, { id: "acme.calm", grants: {} }, { role: "guest", via: "test" }))).toBe("PLINTH_PERMISSION");
  });
});

describe("importing grants", () => {
  it("takes those for exactly what is installed, and says why not the others", async () => {
    await install(host, await product.package(lab("acme.calm")));
    const grant = (await snapshot(host)).grants.get("acme.calm");
    await admin(host, "revoke", { id: "acme.calm" });
    const found = await admin(host, "importGrants", {
      grants: { "acme.calm": grant, "acme.none": grant, "test.words": grant },
    });
    expect(found.imported).toEqual(["acme.calm"]);
    expect(found.skipped.map((one: { id: string }) => one.id)).toEqual(["acme.none", "test.words"]);
    expect(await codeOf(run())).toBe("none");
  });

  it("believes neither another digest nor another consent", async () => {
    await install(host, await product.package(lab("acme.calm")));
    const grant = (await snapshot(host)).grants.get("acme.calm");
    await admin(host, "revoke", { id: "acme.calm" });
    for (const forged of [
      { ...grant, digest: "0".repeat(128) },
      { ...grant, consent: "0".repeat(64) },
    ])
      expect((await admin(host, "importGrants", { grants: { "acme.calm": forged } })).imported).toEqual([]);
    expect(await codeOf(run())).toBe("PLINTH_CAPABILITY_MISSING");
  });
});

describe("budgets", () => {
  it("bounds how many calls are in an extension at one time", async () => {
    await install(
      host,
      await product.package(
        lab("acme.calm", { run: "await new Promise((resolve) => setTimeout(resolve, 200));" }, { budgets: { concurrentCalls: 2 } }),
      ),
    );
    const codes = await Promise.all([run(), run(), run()].map(codeOf));
    expect(codes.sort()).toEqual(["PLINTH_QUOTA", "none", "none"]);
    expect(await codeOf(run())).toBe("none");
    expect((await snapshot(host)).instances.get("acme.calm")?.counts.refused).toBe(1);
  });

  it("ends what uses up its processor time, and says so", async () => {
    const burn =
      "const end = Date.now() + 20_000; (function turn() { const until = Date.now() + 50; while (Date.now() < until); if (Date.now() < end) setTimeout(turn, 1); })(); return {};";
    await install(
      host,
      await product.package(lab("acme.calm", { run: burn }, { tiers: ["process"], budgets: { cpuMsPerMinute: 500, cpuMsPerCall: 60_000 } })),
    );
    await run();
    await expect.poll(() => host.supervisor.fault("acme.calm"), { timeout: 15_000 }).toMatchObject({ code: "PLINTH_QUOTA", phase: "budget" });
    expect(host.current.instances.get("acme.calm")?.active).toBe(false);
  }, 30_000);
});

describe("the record of decisions", () => {
  it("has what owners did with grants, when everything is recorded", async () => {
    await host.stop();
    host = await product.boot({ config: `{ policy: { audit: "all" }, slots: { "plinth.audit": "test.audit" } }` });
    await install(host, await product.package(lab("acme.calm")));
    await admin(host, "revoke", { id: "acme.calm" });
    await expect
      .poll(recorded)
      .toContainEqual(expect.objectContaining({ extension: "acme.calm", kind: "grant", what: "revoke", allowed: true, principal: "owner via test" }));
  });

  it("has what was refused and what owners changed, by default", async () => {
    await host.stop();
    host = await product.boot({ config: `{ slots: { "plinth.audit": "test.audit" } }` });
    await install(host, await product.package(lab("acme.calm")));
    await admin(host, "grant", { id: "acme.calm", scope: { session: "main" } });
    await run().catch(() => {});
    await expect
      .poll(async () => (await recorded()).map(({ kind, allowed, code }) => ({ kind, allowed, code })))
      .toEqual([
        { kind: "call", allowed: false, code: "PLINTH_GRANT_SCOPE" },
        { kind: "grant", allowed: true },
        { kind: "grant", allowed: true },
      ]);
  });

  it("has nothing when it is off", async () => {
    await host.stop();
    host = await product.boot({ config: `{ policy: { audit: "off" }, slots: { "plinth.audit": "test.audit" } }` });
    host.audit({ extension: "a.b", kind: "net", what: "GET https://a.example", allowed: false, code: "PLINTH_PERMISSION" });
    expect(host.audits(false)).toBe(false);
    expect(await recorded()).toEqual([]);
  });
});
