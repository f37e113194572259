import { found, ProcessWatch } from "@plinth/sdk/tiers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Lab, type Started } from "./lab.testing.ts";

const tools = await found();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterEach(() => lab.quiet());
afterAll(() => lab.close());

const ended = ({ runner }: Started): Promise<Error> => runner.ended;

describe.skipIf(process.platform !== "linux")("memory", () => {
  it.each(["buffers", "resizable buffers", "WebAssembly"])("outside the heap is counted: %s", async (kind) => {
    const started = await lab.start(tools, { budgets: { heapMb: 32 } });
    await expect(started.call("hog", kind)).rejects.toMatchObject({ code: "PLINTH_EXTENSION_EXITED", message: expect.stringContaining("memory") });
    expect(await ended(started)).toMatchObject({ message: expect.stringContaining("232 MiB") });
  });

  it("is watched between calls too", async () => {
    const started = await lab.start(tools, { budgets: { heapMb: 32 } });
    await started.call("hogLater", "buffers");
    expect(await ended(started)).toMatchObject({ message: expect.stringContaining("more memory than 232 MiB") });
  });

  it("of the heap is bounded by the budget", async () => {
    const { call } = await lab.start(tools, { budgets: { heapMb: 32 } });
    await expect(call("heap")).rejects.toMatchObject({
      code: "PLINTH_EXTENSION_EXITED",
      message: expect.stringContaining("budgets.heapMb allows 32 MiB"),
    });
  });
});

describe.skipIf(process.platform !== "linux")("CPU time", () => {
  it("of a call ends with its budget, which is named", async () => {
    const { call } = await lab.start(tools, { budgets: { cpuMsPerCall: 200 } });
    await expect(call("spin", 10_000)).rejects.toMatchObject({
      code: "PLINTH_EXTENSION_EXITED",
      message: expect.stringContaining("budgets.cpuMsPerCall allows, 200 ms each"),
    });
  });

  it("is each call's own: many that keep to the budget go on", async () => {
    const { call } = await lab.start(tools, { budgets: { cpuMsPerCall: 200 } });
    for (let n = 0; n < 8; n++) await call("spin", 60);
    expect(await call("pid")).toBeGreaterThan(0);
  });

  it("between calls is bounded", async () => {
    const { runner, call } = await lab.start(tools);
    await call("spinBetweenCalls");
    // On a busy machine it may never get a fifth of a processor; here it may have nothing.
    const over = Promise.withResolvers<string>();
    const limits = { memoryMb: 10_000, cpuMsPerCall: null, idle: { share: 0, burstMs: 200 } };
    const watch = new ProcessWatch(runner.usage().pid as number, limits, over.resolve);
    expect(await over.promise).toContain("between calls");
    watch.stop();
  });
});

it.skipIf(process.platform !== "linux")(
  "a loop in a timer is noticed though nobody calls",
  async () => {
    const started = await lab.start(tools);
    await started.call("loopBetweenCalls");
    expect(await ended(started)).toMatchObject({ message: expect.stringMatching(/did not react any more|between calls/) });
  },
  30_000,
);

describe.skipIf(process.platform !== "linux")("its own folder", () => {
  it.skipIf(tools.prlimit === null)("takes no single file that is larger than the budget", async () => {
    const { call } = await lab.start(tools, { budgets: { storageMb: 16 } });
    await expect(call("keep", { files: 1, mb: 24 })).rejects.toMatchObject({ message: expect.stringContaining("EFBIG") });
  });

  it("is bounded by the budget: what keeps more is ended", async () => {
    const started = await lab.start(tools, { budgets: { storageMb: 16 } });
    await started.call("keep", { files: 24, mb: 1 }).catch(() => {});
    expect(await ended(started)).toMatchObject({ message: expect.stringContaining("it kept more than 16 MiB") });
  });

  it("may be filled up to it", async () => {
    const { call } = await lab.start(tools, { budgets: { storageMb: 64 } });
    await call("keep", { files: 4, mb: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await call("pid")).toBeGreaterThan(0);
  });
});

it.skipIf(process.platform !== "linux")("tells what it uses, and time never falls", async () => {
  const { runner, call } = await lab.start(tools);
  const before = runner.usage();
  expect(before.memoryBytes).toBeGreaterThan(10 * 1024 ** 2);
  await call("spin", 100);
  const after = runner.usage();
  expect(after.cpuMs).toBeGreaterThan(before.cpuMs);
  expect(after.pid).not.toBe(process.pid);
  await lab.quiet();
  expect(runner.usage()).toMatchObject({ memoryBytes: 0 });
  expect(runner.usage().cpuMs).toBeGreaterThanOrEqual(after.cpuMs);
});

it("takes a bounded part of what it prints", async () => {
  let printed = 0;
  const { call } = await lab.start(tools, { onLog: (_level, message) => (printed += message.length) });
  for (let n = 0; n < 4; n++) await call("print", 64 * 1024);
  await expect.poll(() => printed).toBeGreaterThanOrEqual(64 * 1024);
  expect(printed).toBeLessThan(80 * 1024);
});
