import { defineExtension, type KernelSnapshot } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { counts, manifestOf, snapshotOf } from "./snapshot.testing.ts";

const wall = { level: "partial" as const, detail: ["a process of its own"] };
let kernel: KernelSnapshot;
let host: TestHost;
beforeEach(async () => {
  kernel = snapshotOf();
  host = await createTestHost({
    extensions: [
      { manifest, extension },
      {
        manifest: { ...manifestOf("acme.active", []), entry: "./index.js" },
        extension: defineExtension({ activate: () => expect.fail("code of another extension was loaded") }),
      },
    ],
    provide: [
      { contract: "plinth.kernel", descriptor: { title: "By hand" }, provider: { snapshot: () => kernel } },
      {
        contract: "plinth.tier",
        id: "process",
        descriptor: { title: "By hand" },
        provider: {
          launch: () => expect.fail("an extension was launched"),
          enforcement: () => ({ level: "partial" as const, detail: ["a process of its own"] }),
        },
      },
    ],
  });
});
afterEach(async () => {
  // Whatever was asked: the answers came from data.
  expect(host.activated()).toEqual(["plinth.inspector"]);
  await host.close();
});

const inspector = () => host.use("plinth.host").one();
const statusOf = async (id: string) => (await inspector().status({})).extensions.find((one) => one.id === id);

describe("status", () => {
  it("tells the host's state and lists each extension by its id", async () => {
    const status = await inspector().status({});
    expect(status).toMatchObject({
      version: "0.1.0",
      node: process.version,
      pid: process.pid,
      home: "/home/of/plinth",
      generation: 7,
      draining: [6],
      safeMode: false,
      problems: [{ code: "PLINTH_CONFLICT" }],
    });
    expect(status.memory.rss).toBeGreaterThan(0);
    expect(status.extensions.map(({ id, state }) => [id, state])).toEqual([
      ["acme.active", "active"],
      ["acme.blocked", "blocked"],
      ["acme.disabled", "disabled"],
      ["acme.quarantined", "quarantined"],
      ["acme.ready", "ready"],
      ["acme.updated", "ready"],
    ]);
  });

  it("gives an active extension its counts, tier and what it provides, and no fault", async () => {
    const active = await statusOf("acme.active");
    expect(active).toEqual({
      id: "acme.active",
      version: "1.0.0",
      title: "Title of acme.active",
      bundled: true,
      tier: "host",
      state: "active",
      provides: [{ contract: "plinth.tool", id: "dice" }],
      counts: { calls: 3, errors: 1, activations: 1, activateMs: 2.5 },
    });
  });

  it("gives what is blocked or quarantined its fault with the next step, and never the digest it was struck for", async () => {
    expect((await statusOf("acme.blocked"))?.fault).toMatchObject({ code: "PLINTH_MISSING", phase: "resolve", next: "Install acme.gone." });
    const { fault } = (await statusOf("acme.quarantined"))!;
    expect(fault).toMatchObject({ code: "PLINTH_EXTENSION_FAILED", phase: "call", count: 3, next: "Look at its log." });
    expect(fault).not.toHaveProperty("digest");
  });

  it("ignores a fault of another version", async () => {
    expect(await statusOf("acme.updated")).not.toHaveProperty("fault");
  });

  it("calls what is disabled disabled, whatever else is wrong with it, and what runs active although it was struck", async () => {
    kernel = snapshotOf({ disabled: new Set(["acme.blocked", "acme.quarantined"]) });
    expect(await statusOf("acme.blocked")).toMatchObject({ state: "disabled", fault: { code: "PLINTH_MISSING" } });
    expect(await statusOf("acme.quarantined")).toMatchObject({ state: "disabled", fault: { code: "PLINTH_EXTENSION_FAILED" } });
    kernel = snapshotOf({
      instances: new Map([["acme.quarantined", { active: true, inFlight: 0, usage: null, counts: { ...counts, calls: 0 } }]]),
    });
    expect(await statusOf("acme.quarantined")).toMatchObject({ state: "active", fault: { count: 3 } });
  });

  it("says `process` where the plan chose no tier", async () => {
    expect((await statusOf("acme.updated"))?.tier).toBe("process");
  });
});

describe("describe", () => {
  it("adds the manifest, the lock entry, the grant and what holds the extension", async () => {
    expect(await inspector().describe({ id: "acme.quarantined" })).toMatchObject({
      status: { id: "acme.quarantined", state: "quarantined" },
      manifest: { id: "acme.quarantined" },
      lock: { source: "folder:/x" },
      grant: { consent: "hash" },
      enforcement: wall,
    });
  });

  it("leaves out what there is not, and says that nothing holds what runs in the host", async () => {
    const described = await inspector().describe({ id: "acme.active" });
    expect(described.enforcement.detail).toEqual([expect.stringContaining("host's own process")]);
    expect(described.enforcement.level).toBe("none");
    expect(described).not.toHaveProperty("lock");
    expect(described).not.toHaveProperty("grant");
  });

  it("claims no wall that nobody provides", async () => {
    kernel = snapshotOf({ tiers: new Map([["acme.updated", "isolate"]]) });
    const { enforcement } = await inspector().describe({ id: "acme.updated" });
    expect(enforcement).toEqual({ level: "none", detail: [expect.stringContaining("isolate")] });
  });

  it.each([
    ["acme.gone", "`plinth plugins list`"],
    ["other.active", "acme.active"],
    ["updat", "acme.updated"],
    ["acme.", "`plinth plugins list`"],
  ])("says of %s that it is not installed and what to do", async (id, next) => {
    await expect(inspector().describe({ id })).rejects.toMatchObject({
      code: "PLINTH_NOT_INSTALLED",
      extension: id,
      next: expect.stringContaining(next),
    });
  });
});

describe("describe, for operators", () => {
  it("tells what is used against which budgets, where it lies, and what is not set, never a value", async () => {
    const permissions = { env: ["PATH", "PLINTH_TEST_UNSET"], secrets: ["HERE", "GONE", "UNKNOWN"] };
    kernel = snapshotOf({
      records: [{ manifest: { ...manifestOf("acme.active"), permissions, budgets: { heapMb: 32 } }, digest: "d", bundled: false, dir: "/store/d" }],
      secretExists: async (name) => {
        if (name === "UNKNOWN") throw new Error("the vault is closed");
        return name === "HERE";
      },
    });
    const described = await inspector().describe({ id: "acme.active" });
    expect(described).toMatchObject({ dir: "/store/d", usage: { budgets: { heapMb: 32 }, counts: { calls: 3 }, inFlight: 0 } });
    expect(described.missing).toEqual({ env: ["PLINTH_TEST_UNSET"], secrets: ["GONE"] });
  });
});

describe("usage", () => {
  const running = (pid: number | null, more = {}) => ({ active: true, inFlight: 2, counts, usage: { cpuMs: 5, memoryBytes: 1_000, pid }, ...more });
  const usageOf = async (id: string) => (await inspector().usage({})).extensions.find((one) => one.id === id);

  it("gives each extension's counts, and zeros for what never ran", async () => {
    kernel = snapshotOf({ instances: new Map([["acme.active", running(77)]]) });
    expect(await usageOf("acme.active")).toMatchObject({
      state: "active",
      inFlight: 2,
      counts,
      breakerOpen: false,
      process: { cpuMs: 5, shared: false },
    });
    expect(await usageOf("acme.ready")).toMatchObject({ inFlight: 0, counts: { calls: 0, blockedMs: 0 } });
    expect(await usageOf("acme.ready")).not.toHaveProperty("process");
    expect((await usageOf("acme.quarantined"))?.fault).toMatchObject({ code: "PLINTH_EXTENSION_FAILED", count: 3 });
  });

  it("says which processes are shared, and whose breaker is open", async () => {
    kernel = snapshotOf({
      instances: new Map([
        ["acme.active", running(77)],
        ["acme.ready", running(77, { breaker: { open: true } })],
        ["acme.updated", running(null)],
      ]),
    });
    expect((await usageOf("acme.active"))?.process?.shared).toBe(true);
    expect(await usageOf("acme.ready")).toMatchObject({ process: { shared: true }, breakerOpen: true });
    expect((await usageOf("acme.updated"))?.process).toEqual({ cpuMs: 5, memoryBytes: 1_000, pid: null, shared: false });
  });

  it("is what the gateway method answers, about this process", async () => {
    const told = await host.use("plinth.gateway-method").get("host.usage").call({});
    expect(told).toMatchObject({ pid: process.pid, generation: 7, draining: [6], eventLoop: { meanMs: 0 } });
    expect((told as { memory: { rss: number } }).memory.rss).toBeGreaterThan(0);
  });
});

it("grants gives every grant that is in force", async () => {
  expect((await inspector().grants({})).grants).toEqual(Object.fromEntries(kernel.grants));
});

describe("explain", () => {
  const reasons = async (id: string) => (await inspector().explain({ id })).reasons;

  it("an extension: the plan's reasons, what it provides, its place in each hook", async () => {
    expect(await reasons("acme.active")).toEqual([
      "1.0.0: part of the product",
      "tier host: first-party",
      "provides plinth.tool/dice",
      "takes part in tool.before as number 2 of 2",
    ]);
  });

  it("a contract: who fills it, and each of its capabilities", async () => {
    expect(await reasons("plinth.turns")).toEqual(["filled by acme.active: the only provider"]);
    expect(await reasons("plinth.tool")).toEqual(["dice: provided by acme.active", "look: provided by acme.ready"]);
  });

  it("a capability, by its name or with its contract", async () => {
    expect(await reasons("dice")).toEqual(["plinth.tool/dice: provided by acme.active"]);
    expect(await reasons("plinth.tool/look")).toEqual(["plinth.tool/look: provided by acme.ready"]);
  });

  it("a hook: its mode, what a failure does, the order", async () => {
    expect(await reasons("tool.before")).toEqual(["gate, fails closed; order: acme.ready → acme.active"]);
    expect(await reasons("turn.end")).toEqual(["observe, fails open; order: nobody subscribes"]);
  });

  it("does not call an extension missing that the plan has nothing to say about, and what nobody knows it does", async () => {
    expect(await reasons("acme.updated")).toHaveLength(1);
    await expect(reasons("acme.gone")).rejects.toMatchObject({ code: "PLINTH_NOT_INSTALLED", next: expect.any(String) });
  });
});

it("hooks gives each hook with its subscribers in order", async () => {
  expect((await inspector().hooks({})).hooks).toEqual(kernel.hooks);
});

it("report gives the boot's steps and whose code is loaded", async () => {
  expect(await inspector().report({})).toEqual({ steps: kernel.steps, modules: ["acme.active"] });
});

describe("configGet", () => {
  const valueAt = async (path?: string) => (await inspector().configGet(path === undefined ? {} : { path })).value;

  it("answers with the whole, with its file, and with one value by its path", async () => {
    expect(await inspector().configGet({})).toEqual({ value: kernel.config, file: kernel.configFile });
    expect(await valueAt("")).toEqual(kernel.config);
    expect(await valueAt('extensions["acme.active"].config.port')).toBe(8_080);
    expect(await valueAt("extensions.acme.active.config.port")).toBe(8_080);
    expect(await valueAt('extensions["acme.active"].config.list[0].name')).toBe("first");
    expect(await valueAt('extensions["acme.active"].config.off')).toBe(false);
  });

  it("answers with null where there is nothing, also for what every object inherits", async () => {
    expect(await valueAt("extensions.acme.gone.config")).toBeNull();
    expect(await valueAt("constructor")).toBeNull();
    expect(await valueAt("extensions.__proto__")).toBeNull();
    expect(await valueAt('extensions["acme.active"].config.port.more')).toBeNull();
  });

  it("refuses what is no path", async () => {
    await expect(valueAt("a[")).rejects.toMatchObject({ code: "PLINTH_CONFIG_PATH", next: expect.any(String) });
  });
});
