import type { Manifest } from "@plinth/manifests";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Plan, type ResolveInput, resolve } from "./resolver.ts";

const CONTRACT = "plinth.service";
const SLOT = "plinth.router";
const descriptor = { title: "x" };
const provides = (contract: string, id: string, version = "1.0.0") => ({ contract, version, id, descriptor });

function record(id: string, manifest: Partial<Manifest> = {}, bundled = true): CatalogRecord {
  return {
    manifest: {
      id,
      version: "1.0.0",
      title: id,
      description: "",
      engines: { plinth: "^0.1.0" },
      tiers: ["host", "process"],
      entry: "./index.js",
      ...manifest,
    },
    digest: id,
    dir: `/nowhere/${id}`,
    bundled,
  };
}
const plan = (records: CatalogRecord[], more: Partial<ResolveInput> = {}): Plan =>
  resolve({ records, config: {}, lock: { lockfile: 1, extensions: {} }, hostVersion: "0.1.0", slots: {}, exclude: () => null, ...more });
const codes = (of: Plan): Record<string, string> => Object.fromEntries([...of.blocked].map(([id, one]) => [id, one.code]));
/** A plan as plain data, to compare. */
const data = (of: Plan): unknown => ({
  extensions: [...of.extensions].map(([id, one]) => [id, one.tier, one.reasons]),
  capabilities: [...of.capabilities].map(([contract, byId]) => [contract, [...byId].map(([id, one]) => [id, one.extension])]),
  slots: [...of.slots],
  hooks: [...of.hooks].map(([name, one]) => [name, one.subscribers]),
  contracts: [...of.contracts.keys()],
  disabled: [...of.disabled].sort(),
  blocked: [...of.blocked].map(([id, one]) => [id, one.code, one.message]).sort(),
  problems: of.problems.map((one) => one.message),
  reasons: [...of.reasons].map(([id, all]) => [id, [...all].sort()]).sort(),
});

const ids = ["a.a", "b.b", "c.c", "d.d", "e.e"];
const ranges = fc.constantFrom("^1", "^2", "*");
const versions = fc.constantFrom("1.0.0", "1.2.0", "2.0.0");
const anyRecord = (id: string): fc.Arbitrary<CatalogRecord> =>
  fc
    .record({
      version: versions,
      engines: fc.constantFrom({ plinth: "^0.1.0" }, { plinth: "^0.1.0" }, { plinth: "^9" }),
      extensions: fc.dictionary(fc.constantFrom(...ids, "not.here"), ranges, { maxKeys: 2 }),
      provides: fc.subarray(
        [provides(CONTRACT, "one"), provides(SLOT, "r"), provides(CONTRACT, "two", "3.0.0"), provides("b.b.lab", "x"), provides("no.such", "x")],
        { maxLength: 2 },
      ),
      uses: fc.subarray(
        [
          { contract: CONTRACT, range: "^1" },
          { contract: CONTRACT, range: "^7" },
          { contract: "b.b.lab", range: "^1" },
          { contract: "a.a.lab", range: "^1", optional: true },
        ],
        { maxLength: 2 },
      ),
      hooks: fc.subarray([{ on: "generation.ready", before: ["c.c"] }, { on: "no.such.hook" }, { on: "b.b.happened" }], { maxLength: 1 }),
      defines: fc.constantFrom(
        [],
        [
          {
            id: `${id}.lab`,
            version: "1.0.0",
            title: "",
            cardinality: "many" as const,
            selection: "by-id" as const,
            descriptor: {},
            methods: {},
            hooks: { [`${id}.happened`]: { mode: "observe" as const, payload: {}, deadlineMs: 10, failure: "open" as const } },
          },
        ],
      ),
    })
    .chain((manifest) => fc.boolean().map((bundled) => record(id, manifest as unknown as Partial<Manifest>, bundled)));
const anyRecords = fc.subarray(ids).chain((some) => fc.tuple(...some.map(anyRecord)));
const anyConfig = fc.record({
  extensions: fc.dictionary(fc.constantFrom(...ids), fc.oneof(fc.constantFrom("^1", "^2"), fc.record({ enabled: fc.boolean() })), { maxKeys: 2 }),
  slots: fc.dictionary(fc.constantFrom(SLOT, `${CONTRACT}/one`, `${SLOT}/r`), fc.constantFrom(...ids), { maxKeys: 2 }),
});

describe("a plan", () => {
  it("does not depend on the order of its records", () => {
    fc.assert(
      fc.property(
        anyRecords.chain((records) => fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length }))),
        anyConfig,
        ([records, shuffled], config) => {
          expect(data(plan(shuffled, { config }))).toEqual(data(plan(records, { config })));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("holds nothing with an unmet need, and names, codes and explains everything it leaves out", () => {
    fc.assert(
      fc.property(anyRecords, anyConfig, (records, config) => {
        const found = plan(records, { config });
        for (const { manifest } of records) {
          const states = [found.extensions.has(manifest.id), found.blocked.has(manifest.id), found.disabled.has(manifest.id)];
          expect(states.filter(Boolean)).toHaveLength(1);
          expect(found.reasons.get(manifest.id)?.length).toBeGreaterThan(0);
        }
        for (const [id, { record: planned }] of found.extensions) {
          const { manifest } = planned;
          for (const other of Object.keys(manifest.extensions ?? {})) expect(found.extensions.has(other)).toBe(true);
          for (const { contract, optional } of manifest.uses ?? []) expect(found.contracts.has(contract) || optional === true).toBe(true);
          for (const { contract } of manifest.provides ?? []) expect(found.contracts.has(contract)).toBe(true);
          for (const { on } of manifest.hooks ?? []) expect(found.hooks.get(on)?.subscribers.map((one) => one.extension)).toContain(id);
        }
        for (const [id, problem] of found.blocked) {
          expect(problem.code).toMatch(/^PLINTH_[A-Z_]+$/);
          expect(problem.message).toContain(id);
          expect(problem.next).toBeTruthy();
          expect(found.reasons.get(id)?.some((one) => one.includes(problem.code))).toBe(true);
        }
        for (const contract of found.contracts.keys()) {
          const owner = contract.split(".").slice(0, 2).join(".");
          if (ids.includes(owner)) expect(found.extensions.has(owner)).toBe(true);
        }
        for (const [, byId] of found.capabilities) for (const [, one] of byId) expect(found.extensions.has(one.extension)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what is left out", () => {
  it.each<[string, Partial<Manifest>, string, string]>([
    [
      "an unknown contract, with a suggestion",
      { uses: [{ contract: "plinth.servce", range: "*" }] },
      "PLINTH_CONTRACT_UNKNOWN",
      "did you mean plinth.service?",
    ],
    ["a contract that nobody defines", { provides: [provides("no.such", "x")] }, "PLINTH_CONTRACT_UNKNOWN", "no.such"],
    ["an unknown hook", { hooks: [{ on: "generation.redy" }] }, "PLINTH_CONTRACT_UNKNOWN", "did you mean generation.ready?"],
    [
      "a contract's version that is not here",
      { uses: [{ contract: CONTRACT, range: "^2" }] },
      "PLINTH_VERSION_CONFLICT",
      "needs plinth.service ^2, but 1.0.0 is here",
    ],
    ["a provider that is newer than its contract", { provides: [provides(CONTRACT, "x", "1.9.0")] }, "PLINTH_VERSION_CONFLICT", "1.9.0"],
    ["a provider of another major", { provides: [provides(CONTRACT, "x", "0.9.0")] }, "PLINTH_VERSION_CONFLICT", "0.9.0"],
    ["another host", { engines: { plinth: ">=5" } }, "PLINTH_VERSION_CONFLICT", "needs plinth >=5, but 0.1.0 is here"],
    ["a missing extension", { extensions: { "acme.geo": "^1" } }, "PLINTH_DEPENDENCY_MISSING", "acme.geo ^1"],
    ["one of another version", { extensions: { "b.b": "^2" } }, "PLINTH_VERSION_CONFLICT", "needs b.b ^2, but 1.0.0 is here"],
    ["a contract of the kernel's own", { provides: [provides("plinth.host-admin", "mine")] }, "PLINTH_CAPABILITY_CONFLICT", "plinth.host-admin"],
  ])("names %s", (_what, manifest, code, text) => {
    const found = plan([record("a.a", manifest), record("b.b")]);
    expect(codes(found)).toEqual({ "a.a": code });
    expect(found.blocked.get("a.a")?.message).toContain(text);
    expect([...found.extensions.keys()]).toEqual(["b.b"]);
  });

  it("takes along what needs it, each with its own reason, and nothing else", () => {
    const found = plan([
      record("a.a", { extensions: { "b.b": "*" } }),
      record("b.b", { extensions: { "c.c": "*" } }),
      record("c.c", { engines: { plinth: "^9" } }),
      record("d.d"),
    ]);
    expect(codes(found)).toEqual({ "a.a": "PLINTH_DEPENDENCY_MISSING", "b.b": "PLINTH_DEPENDENCY_MISSING", "c.c": "PLINTH_VERSION_CONFLICT" });
    expect(found.blocked.get("b.b")?.message).toContain("installed: 1.0.0");
    expect([...found.extensions.keys()]).toEqual(["d.d"]);
  });

  it("takes its contracts and hooks along", () => {
    const defines = [
      { id: "b.b.lab", version: "1.0.0", title: "", cardinality: "many" as const, selection: "by-id" as const, descriptor: {}, methods: {} },
    ];
    const found = plan([record("a.a", { uses: [{ contract: "b.b.lab", range: "*" }] }), record("b.b", { defines, extensions: { "not.here": "*" } })]);
    expect(codes(found)).toEqual({ "a.a": "PLINTH_CONTRACT_UNKNOWN", "b.b": "PLINTH_DEPENDENCY_MISSING" });
  });

  it("a cycle is told with its path to each of its members, and to no other", () => {
    const need = (id: string, other: string) => record(id, { extensions: { [other]: "*" } });
    const found = plan([need("a.a", "b.b"), need("b.b", "c.c"), need("c.c", "a.a"), record("d.d")]);
    expect(codes(found)).toEqual({ "a.a": "PLINTH_CYCLE", "b.b": "PLINTH_CYCLE", "c.c": "PLINTH_CYCLE" });
    expect(found.blocked.get("b.b")?.message).toContain("a.a → b.b → c.c → a.a");
  });

  it("a version pin that does not fit leaves out that extension", () => {
    const found = plan([record("a.a"), record("b.b")], { config: { extensions: { "a.a": "^2" } } });
    expect(codes(found)).toEqual({ "a.a": "PLINTH_VERSION_CONFLICT" });
  });

  it("what the caller excludes is left out with the caller's reason", async () => {
    const { errors } = await import("../errors.ts");
    const found = plan([record("a.a", {}, false)], { exclude: ({ manifest }) => errors.consent(manifest.id, "nobody did") });
    expect(codes(found)).toEqual({ "a.a": "PLINTH_CONSENT_NEEDED" });
  });
});

describe("choices", () => {
  it("of two providers with one id neither wins, until the configuration decides; load order never does", () => {
    const records = [record("a.a", { provides: [provides(CONTRACT, "x")] }), record("b.b", { provides: [provides(CONTRACT, "x")] })];
    const open = plan(records);
    expect(open.problems.map((one) => [one.code, one.message])).toEqual([
      ["PLINTH_CAPABILITY_CONFLICT", `${CONTRACT}/x is provided by a.a and b.b.`],
    ]);
    expect(open.capabilities.get(CONTRACT)?.size).toBe(0);
    const chosen = plan(records, { config: { slots: { [`${CONTRACT}/x`]: "b.b" } } });
    expect(chosen.problems).toEqual([]);
    expect(chosen.capabilities.get(CONTRACT)?.get("x")?.extension).toBe("b.b");
  });

  it("a slot goes to the only provider, to the product's choice, to the operator's choice, in rising rank, and says why", () => {
    const one = record("a.a", { provides: [provides(SLOT, "first")] });
    const two = record("b.b", { provides: [provides(SLOT, "second")] });
    expect(plan([one]).slots.get(SLOT)).toBe("first");
    expect(plan([one, two]).problems[0]?.code).toBe("PLINTH_CAPABILITY_CONFLICT");
    expect(plan([one, two]).slots.has(SLOT)).toBe(false);
    expect(plan([one, two], { slots: { [SLOT]: "b.b" } }).slots.get(SLOT)).toBe("second");
    const operator = plan([one, two], { slots: { [SLOT]: "b.b" }, config: { slots: { [SLOT]: "a.a" } } });
    expect(operator.slots.get(SLOT)).toBe("first");
    expect(operator.reasons.get(SLOT)).toEqual(["filled by a.a: chosen in the configuration"]);
    expect(operator.reasons.get("a.a")).toContain(`fills the slot ${SLOT}: chosen in the configuration`);
  });

  it("a slot given to someone who does not provide it is a problem, not a silent other choice", () => {
    const found = plan([record("a.a", { provides: [provides(SLOT, "first")] })], { config: { slots: { [SLOT]: "b.b" } } });
    expect(found.slots.has(SLOT)).toBe(false);
    expect(found.problems[0]?.code).toBe("PLINTH_DEPENDENCY_MISSING");
  });

  it.each<[string, Partial<Manifest>, boolean, string | undefined, string]>([
    ["first-party code runs in the host", {}, true, undefined, "host"],
    ["third-party code never does by itself", {}, false, undefined, "process"],
    ["what is made for an isolate runs in one", { tiers: ["isolate"] }, false, undefined, "isolate"],
    ["the author's order decides between walls", { tiers: ["process", "isolate"] }, false, undefined, "process"],
    ["without a word it is the isolate", { tiers: undefined }, false, undefined, "isolate"],
    ["the operator may ask for a process of its own", { tiers: ["isolate"] }, false, "process", "process"],
    ["the operator may choose the host", {}, false, "host", "host"],
    ["or the stronger wall", {}, true, "process", "process"],
    ["what runs in the host only is left out otherwise", { tiers: ["host"] }, false, undefined, "PLINTH_TIER"],
    ["a tier that it does not support leaves it out", { tiers: ["process"] }, true, "host", "PLINTH_TIER"],
  ])("tiers: %s", (_what, manifest, bundled, wanted, expected) => {
    const config = wanted === undefined ? {} : { extensions: { "a.a": { tier: wanted as "host" } } };
    const found = plan([record("a.a", manifest, bundled)], { config });
    expect(found.extensions.get("a.a")?.tier ?? found.blocked.get("a.a")?.code).toBe(expected);
  });
});

describe("hooks", () => {
  const gate = { id: "b.b.lab", version: "1.0.0", title: "", cardinality: "many" as const, selection: "by-id" as const, descriptor: {}, methods: {} };
  const hook = (mode: string, failure = "open") => ({ mode: mode as "gate", payload: {}, deadlineMs: 500, failure: failure as "open" });

  it("a subscriber may tighten the policy and shorten the deadline, never the reverse", () => {
    const hooks = { "b.b.soft": hook("gate"), "b.b.hard": hook("gate", "closed") };
    const uses = [
      { on: "b.b.soft", failure: "closed" as const, deadlineMs: 100 },
      { on: "b.b.hard", deadlineMs: 60_000 },
    ];
    const found = plan([record("a.a", { hooks: uses }), record("b.b", { defines: [{ ...gate, hooks }] })]);
    expect(found.hooks.get("b.b.soft")?.subscribers[0]).toMatchObject({ closed: true, deadlineMs: 100 });
    expect(found.hooks.get("b.b.hard")?.subscribers[0]).toMatchObject({ closed: true, deadlineMs: 500 });
  });

  it("whoever defines a hook again does not get it: the first one's mode and policy hold", () => {
    const thief = { ...gate, id: "c.c.lab", hooks: { "b.b.hard": hook("observe") } };
    const found = plan([
      record("b.b", { defines: [{ ...gate, hooks: { "b.b.hard": hook("gate", "closed") } }] }),
      record("c.c", { defines: [thief] }),
    ]);
    expect(found.hooks.get("b.b.hard")).toMatchObject({ contract: "b.b.lab", mode: "gate", failure: "closed" });
  });

  it("those in a circle are told as a problem and still run: a gate is never lost", () => {
    const hooks = { "b.b.hard": hook("gate", "closed") };
    const found = plan([
      record("a.a", { hooks: [{ on: "b.b.hard", before: ["c.c"] }] }),
      record("c.c", { hooks: [{ on: "b.b.hard", before: ["a.a"] }] }),
      record("b.b", { defines: [{ ...gate, hooks }] }),
    ]);
    expect(found.problems[0]?.code).toBe("PLINTH_CYCLE");
    expect(found.hooks.get("b.b.hard")?.subscribers.map((one) => one.extension)).toEqual(["a.a", "c.c"]);
  });

  it("a synchronous one takes subscribers of the host tier only", () => {
    const defines = [{ ...gate, hooks: { "b.b.now": hook("observe-sync") } }];
    const taking = { hooks: [{ on: "b.b.now" }] };
    const found = plan([record("a.a", taking), record("c.c", taking, false), record("b.b", { defines })]);
    expect(found.hooks.get("b.b.now")?.subscribers.map((one) => one.extension)).toEqual(["a.a"]);
    expect(codes(found)).toEqual({ "c.c": "PLINTH_TIER" });
  });
});

it("reasons say where it came from, in which tier it runs and who needs it", () => {
  const entry = { version: "1.0.0", source: "registry:a.a@1.0.0", digest: "a".repeat(128), pinnedBy: "operator" as const, reason: "asked for" };
  const found = plan([record("a.a", {}, false), record("b.b", { extensions: { "a.a": "^1" } })], {
    lock: { lockfile: 1, extensions: { "a.a": entry } },
  });
  expect(found.reasons.get("a.a")).toEqual([
    "1.0.0 from registry:a.a@1.0.0, pinned by operator: asked for",
    "tier process: the strongest wall it supports here",
    "needed by b.b (^1)",
  ]);
  expect(found.reasons.get("b.b")).toContain("tier host: first-party");
  expect(plan([record("a.a")], { config: { extensions: { "a.a": { enabled: false } } } }).reasons.get("a.a")?.[0]).toMatch(/^disabled/);
});
