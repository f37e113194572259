import { describe, expect, it } from "vitest";
import { OWNER } from "../../../kernel/test/product.ts";
import { withWork } from "../../../kernel/work.ts";
import { fails, isolateProcesses, start, tool, use, useIsolates } from "./isolates.testing.ts";

useIsolates();

const COUNTS = "globalThis.count = (globalThis.count ?? 0) + 1; return text(globalThis.count);";
const WAITS = "await new Promise((resolve) => setTimeout(resolve, 60_000)); return text('waited');";
/** Only its process can be ended. */
const STUCK = "let n = 3n; while (true) n = n * n;";
/** No limit of the engine counts it. */
const LEAKS =
  "globalThis.all = []; for (;;) { for (let n = 0; n < 200; n++) all.push(new Intl.DateTimeFormat('de')); await new Promise((resolve) => setTimeout(resolve, 1)); }";

describe("extensions that are trusted alike", () => {
  it.each([
    ["loops", "while (true) {}"],
    ["fills its heap", "const all = []; while (true) all.push(new Array(1e5).fill(all.length));"],
  ])("share a process; one that %s ends alone", async (_what, code) => {
    const host = await start([tool("same.bad", code), tool("same.good", COUNTS)], { turnMs: 400 });
    expect(await use(host, "same.good")).toBe("1");
    expect(await fails(host, "same.bad")).toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "same.bad" });
    expect(await use(host, "same.good")).toBe("2");
  });

  it("are in one process, and others are in another", async () => {
    const host = await start([tool("same.a", COUNTS), tool("same.b", COUNTS), tool("other.a", COUNTS)]);
    for (const id of ["same.a", "same.b", "other.a"]) await use(host, id);
    const pid = (id: string): number | null | undefined => instance(host, id).usage?.pid;
    expect(pid("same.a")).toEqual(expect.any(Number));
    expect(pid("same.b")).toBe(pid("same.a"));
    expect(pid("other.a")).not.toBe(pid("same.a"));
  });

  it.each([
    ["secrets", { secrets: ["KEY"] }],
    ["principals", { principals: ["owner"] }],
    ["programs", { exec: ["git"] }],
    ["the whole network", { net: ["*"] }],
    ["this machine", { net: ["http://127.0.0.1:80"] }],
    ["a folder of the machine", { fs: ["/usr:ro"] }],
  ])("have a process of their own when they have %s", async (_what, permissions) => {
    const host = await start([tool("same.a", COUNTS), tool("same.risky", COUNTS, { permissions })]);
    await use(host, "same.a");
    await use(host, "same.risky");
    expect(instance(host, "same.risky").usage?.pid).not.toBe(instance(host, "same.a").usage?.pid);
  });
});

describe("a failure hits only its culprit", () => {
  it.each([
    ["cannot be stopped", STUCK],
    ["takes memory that nothing counts", LEAKS],
  ])(
    "one that %s ends its process; the others come back by themselves",
    async (_what, code) => {
      const host = await start([tool("same.bad", code), tool("same.good", `if (args.wait) { ${WAITS} } ${COUNTS}`)], { turnMs: 400, processMb: 160 });
      expect(await use(host, "same.good")).toBe("1");
      const waiting = fails(host, "same.good", { wait: true });
      expect(await fails(host, "same.bad")).toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "same.bad" });
      expect(await waiting).toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "same.bad", details: { retryable: true } });
      // Another isolate: it has counted nothing yet.
      expect(await use(host, "same.good")).toBe("1");
      expect(host.supervisor.fault("same.good")).toBeUndefined();
      expect(host.supervisor.fault("same.bad")).toMatchObject({ phase: "exit", count: 1 });
    },
    120_000,
  );

  it("many calls that are lost with a process do not open the breaker of those who made none of it", async () => {
    const host = await start([tool("same.bad", STUCK), tool("same.good", `if (args.wait) { ${WAITS} } ${COUNTS}`)], { turnMs: 200 });
    await use(host, "same.good");
    const waiting = Array.from({ length: 10 }, () => fails(host, "same.good", { wait: true }));
    await fails(host, "same.bad");
    await Promise.all(waiting);
    expect(await use(host, "same.good")).toBe("1");
  });

  it("a process that is killed from outside is nobody's fault", async () => {
    const host = await start([tool("same.a", `if (args.wait) { ${WAITS} } ${COUNTS}`), tool("same.b", COUNTS)]);
    await use(host, "same.b");
    const waiting = fails(host, "same.a", { wait: true });
    await expect.poll(() => instance(host, "same.a").usage?.pid).toEqual(expect.any(Number));
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(instance(host, "same.a").usage?.pid as number, "SIGKILL");
    expect(await waiting).toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "plinth.tier-isolate", details: { retryable: true } });
    expect(await use(host, "same.a")).toBe("1");
    expect(await use(host, "same.b")).toBe("1");
    expect(["same.a", "same.b"].map((id) => host.supervisor.fault(id))).toEqual([undefined, undefined]);
  });

  it("one that uses more CPU time in a call than it may ends alone, pauses or not", async () => {
    const burns = "for (;;) { const end = Date.now() + 20; while (Date.now() < end); await new Promise((resolve) => setTimeout(resolve, 1)); }";
    const host = await start([tool("same.bad", burns, { budgets: { cpuMsPerCall: 300 } }), tool("same.good", COUNTS)]);
    await use(host, "same.good");
    expect((await fails(host, "same.bad")).message).toContain("300 ms of processor time");
    expect(await use(host, "same.good")).toBe("2");
  });

  it("one that never answers again ends alone when a call missed its deadline", async () => {
    const host = await start([tool("same.bad", "JSON.stringify = () => { throw 1; };"), tool("same.good", COUNTS)]);
    await use(host, "same.good");
    const entry = host.generation().find("plinth.tool", "same_bad");
    const missed = withWork(OWNER, host.current, () => entry.by.invoke(entry, "call", { args: {} }, { deadlineMs: 300 }, null));
    await expect(missed).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
    await expect.poll(() => host.supervisor.fault("same.bad"), { timeout: 10_000 }).toMatchObject({ phase: "exit", count: 1 });
    expect(await use(host, "same.good")).toBe("2");
  });

  it("an extension that is stopped leaves its neighbours alone", async () => {
    const host = await start([tool("same.a", COUNTS), tool("same.b", COUNTS)]);
    await use(host, "same.a");
    await use(host, "same.b");
    await instance(host, "same.a").stop(new Error("a test") as never, Promise.resolve());
    expect(await use(host, "same.b")).toBe("2");
  });
});

describe("what an isolate costs", () => {
  it("is told, and CPU time never falls", async () => {
    const host = await start([tool("same.a", "const end = Date.now() + 150; while (Date.now() < end); return text('done');")]);
    await use(host, "same.a");
    await expect.poll(() => instance(host, "same.a").usage?.cpuMs).toBeGreaterThan(50);
    await expect.poll(() => instance(host, "same.a").usage?.memoryBytes).toBeGreaterThan(500_000);
    const before = instance(host, "same.a").usage?.cpuMs ?? 0;
    for (const pid of await isolateProcesses()) process.kill(pid, "SIGKILL");
    // The process starts again meanwhile, which takes as long as the machine is busy.
    await expect.poll(() => use(host, "same.a").catch(() => ""), { timeout: 20_000 }).toBe("done");
    expect(instance(host, "same.a").usage?.cpuMs).toBeGreaterThanOrEqual(before);
  });
});

describe("an idle isolate", () => {
  const asleep = async (host: Awaited<ReturnType<typeof start>>, id: string): Promise<boolean> => instance(host, id).usage?.pid === null;

  it("is put to sleep, comes back at the next call, and its process ends with it", async () => {
    const host = await start([tool("same.a", COUNTS)], { idleMs: 150 });
    expect(await use(host, "same.a")).toBe("1");
    const pid = instance(host, "same.a").usage?.pid as number;
    await expect.poll(() => asleep(host, "same.a")).toBe(true);
    await expect.poll(() => isolateProcesses()).not.toContain(pid);
    expect(await use(host, "same.a")).toBe("1");
    expect(await use(host, "same.a")).toBe("2");
    expect(host.supervisor.fault("same.a")).toBeUndefined();
  });

  it("undoes its effects before it sleeps, and has its newest configuration when it wakes", async () => {
    const config = { type: "object", properties: { word: { type: "string", default: "old", "x-reload": "hot" } } };
    const source = tool("same.a", "return text([ctx.config.word, await ctx.store.get('slept')]);", { config });
    const host = await start(
      [{ ...source, code: `${source.code}`.replace("activate(ctx) {", "activate(ctx) { ctx.effect('tells', () => ctx.store.set('slept', 'yes'));") }],
      {
        idleMs: 150,
      },
    );
    expect(JSON.parse(await use(host, "same.a"))).toEqual(["old", null]);
    await expect.poll(() => asleep(host, "same.a")).toBe(true);
    instance(host, "same.a").configure({ word: "new" });
    expect(JSON.parse(await use(host, "same.a"))).toEqual(["new", "yes"]);
  });

  it.each([
    ["a timer waits", "setInterval(() => {}, 60_000);"],
    ["a call is in it", "void 0;"],
    ["a scope holds state", "ctx.scope('main').get('count', () => 1);"],
  ])("is kept as long as %s", async (what, code) => {
    const host = await start([tool("same.a", `${code} if (args.wait) { ${WAITS} } ${COUNTS}`)], { idleMs: 100 });
    await use(host, "same.a");
    const waiting = what === "a call is in it" ? fails(host, "same.a", { wait: true }) : null;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await use(host, "same.a")).toBe("2");
    await host.stop();
    await waiting;
  });
});

describe("the policy require-full", () => {
  const without = (parts: string): void => {
    process.env.PLINTH_WITHOUT_WALLS = parts;
  };

  it("refuses what would run behind less than the whole wall", async () => {
    without("bubblewrap");
    try {
      const host = await start([tool("same.a", COUNTS)], {}, { policy: { sandbox: "require-full" } });
      expect(await fails(host, "same.a")).toMatchObject({ code: "PLINTH_SANDBOX", extension: "same.a" });
    } finally {
      without("");
    }
  });
});

const instance = (host: Awaited<ReturnType<typeof start>>, id: string) =>
  host.generation().find("plinth.tool", id.replace(".", "_")).by as never as Instance;
type Instance = import("../../../kernel/instance.ts").Instance;
