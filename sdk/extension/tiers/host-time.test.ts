import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HostTime } from "./host-time.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** Spend until it must wait, and what was spent by then. */
function spendAll(time: HostTime): number {
  const before = time.spentMs;
  while (time.wait() === 0) time.cost(1);
  return time.spentMs - before;
}

describe("host time for a guest", () => {
  it("is its burst at once, then a hundredth of the time that passes", () => {
    const time = new HostTime();
    expect(spendAll(time)).toBe(61);
    expect(time.wait()).toBeCloseTo(100);
    vi.advanceTimersByTime(2_100);
    expect(spendAll(time)).toBe(21);
  });

  it("is paid for by the guest's own: over any length of time it is less than what the guest used, but for burst and share", () => {
    const time = new HostTime();
    let used = 0;
    time.guestMs = () => used;
    for (let second = 0; second < 10; second++) {
      used += 300;
      vi.advanceTimersByTime(1_000);
      for (let n = 0; n < 100; n++) {
        spendAll(time);
        used += 1;
      }
    }
    expect(used).toBe(4_000);
    expect(time.spentMs).toBeLessThanOrEqual(1.2 * used);
    expect(time.spentMs).toBeGreaterThan(600);
  });

  it("is not saved up: what the guest used while it sent nothing buys one burst", () => {
    const time = new HostTime();
    time.guestMs = () => 1e9;
    spendAll(time);
    vi.advanceTimersByTime(1e9);
    expect(spendAll(time)).toBeLessThanOrEqual(62);
  });

  it("of several guests in one process is the process's too", () => {
    const process = new HostTime();
    const [one, two] = [new HostTime(process), new HostTime(process)];
    one.cost(10);
    two.cost(5);
    process.cost(2);
    expect([one.spentMs, two.spentMs, process.spentMs]).toEqual([10, 5, 17]);
  });
});
