import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Lanes } from "./lanes.ts";

const shares = { subagent: 8, scheduled: 8, background: 3 };
const limits = { maxParallel: 3, shares, maxQueued: 1_000, maxWaiting: 10_000 };

interface Job {
  lane: number;
  ticks: number;
  /** Aborted after so many ticks, if it still waits then. */
  abort: number | null;
}

const job: fc.Arbitrary<Job> = fc.record({
  lane: fc.nat(4),
  ticks: fc.nat(6),
  abort: fc.option(fc.nat(8), { nil: null, freq: 4 }),
});

const ticks = async (count: number) => {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
};

describe("lanes", () => {
  it("never run two of a session at once, nor more than the cap, keep each session's order and lose nobody", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (jobs, maxParallel) => {
        const lanes = new Lanes({ ...limits, maxParallel });
        const running = new Map<number, number>();
        const ran: number[] = [];
        const outcomes = await Promise.all(
          jobs.map(async ({ lane, ticks: length, abort }, index) => {
            const controller = new AbortController();
            if (abort !== null) void ticks(abort).then(() => controller.abort(new Error("stop")));
            const place = lanes.enter(`s${lane}`, controller.signal);
            try {
              await place.granted;
            } catch {
              return "aborted";
            }
            ran.push(index);
            running.set(lane, (running.get(lane) ?? 0) + 1);
            expect(running.get(lane)).toBe(1);
            expect([...running.values()].reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(maxParallel);
            await ticks(length);
            running.set(lane, running.get(lane)! - 1);
            place.leave();
            place.leave();
            return "ran";
          }),
        );
        expect(outcomes.filter((outcome) => outcome === "ran")).toHaveLength(ran.length);
        for (let lane = 0; lane <= 4; lane++) {
          const order = ran.filter((index) => jobs[index]!.lane === lane);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        jobs.forEach(({ abort }, index) => {
          if (abort === null) expect(outcomes[index]).toBe("ran");
        });
        expect(lanes.waiting).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("count each turn in its own share, so that what people begin never waits for what runs in the background", async () => {
    const lanes = new Lanes({ ...limits, maxParallel: 1, shares: { subagent: 2, scheduled: 1, background: 1 } });
    const { signal } = new AbortController();
    const now = (key: string, share?: "main" | "subagent" | "scheduled" | "background") => lanes.enter(key, signal, share).now;
    expect([now("b1", "background"), now("b2", "background"), now("s1", "subagent"), now("s2", "subagent"), now("s3", "subagent")]).toEqual([
      ...[true, false],
      ...[true, true, false],
    ]);
    expect([now("t", "scheduled"), now("main"), now("other"), now("b1")]).toEqual([true, true, false, false]);
    expect(lanes.waiting).toBe(4);
  });

  it("refuse at once what does not fit, and nothing else", async () => {
    const lanes = new Lanes({ maxParallel: 10, shares, maxQueued: 1, maxWaiting: 2 });
    const { signal } = new AbortController();
    const first = lanes.enter("a", signal);
    lanes.enter("a", signal);
    expect(() => lanes.enter("a", signal)).toThrow(expect.objectContaining({ code: "PLINTH_QUEUE_FULL" }));
    lanes.enter("b", signal);
    lanes.enter("b", signal);
    expect(() => lanes.enter("c", signal)).toThrow(expect.objectContaining({ code: "PLINTH_QUEUE_FULL" }));
    first.leave();
    lanes.enter("c", signal);
  });
});
