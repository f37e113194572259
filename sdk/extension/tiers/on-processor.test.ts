import { performance } from "node:perf_hooks";
import { expect, it } from "vitest";
import { onProcessor } from "./on-processor.ts";

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};
const work = (ms: number): void => {
  for (const end = cpuMs() + ms; cpuMs() < end; );
};
/** This thread stands still, as where others have the processor. */
const stall = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it("a stretch in which the thread stood still costs no more than it used", () => {
  work(5);
  onProcessor(5);
  const [began, before] = [performance.now(), cpuMs()];
  stall(150);
  work(3);
  const told = onProcessor(performance.now() - began);
  expect(told).toBeLessThanOrEqual(cpuMs() - before + 5);
  expect(told).toBeGreaterThan(0);
});

it("what is inside of another stretch does not make the outer one cheaper than it was", () => {
  onProcessor(5);
  const [began, before] = [performance.now(), cpuMs()];
  work(4);
  const inner = performance.now();
  work(4);
  onProcessor(performance.now() - inner);
  work(4);
  const told = onProcessor(performance.now() - began);
  const [used, passed] = [cpuMs() - before, performance.now() - began];
  // By the usual share, which a busy machine lowers, or what was used.
  expect(told).toBeGreaterThanOrEqual(Math.min(used, passed * 0.05) * 0.9);
});
