import { describe, expect, it } from "vitest";
import { chargeGrowth, type Load, noLoad, partOf } from "./blame.ts";

const load = (more: Partial<Load>): Load => ({ ...noLoad(), ...more });
const parts = (loads: Record<string, Partial<Load>>, how: "memory" | "broken"): Record<string, string> =>
  Object.fromEntries(partOf(new Map(Object.entries(loads).map(([id, more]) => [id, load(more)])), how));

describe("who is to blame for a process", () => {
  it("whoever was alone in it", () => {
    expect(parts({ a: {} }, "broken")).toEqual({ a: "culprit" });
    expect(parts({ a: {} }, "memory")).toEqual({ a: "culprit" });
  });

  it("the only one that ran", () => {
    expect(parts({ a: { turnMs: 80, inFlight: 1 }, b: { inFlight: 3 }, c: { timers: 1 } }, "broken")).toEqual({
      a: "culprit",
      b: "bystander",
      c: "bystander",
    });
  });

  it("nobody for sure when several ran: they are suspects", () => {
    expect(parts({ a: { turnMs: 80 }, b: { recentMs: 40 }, c: {} }, "broken")).toEqual({ a: "suspect", b: "suspect", c: "bystander" });
  });

  it("those with something waiting when none ran, and everybody when nothing waits", () => {
    expect(parts({ a: { inFlight: 1 }, b: { timers: 2 }, c: {} }, "broken")).toEqual({ a: "suspect", b: "suspect", c: "bystander" });
    expect(parts({ a: {}, b: {} }, "broken")).toEqual({ a: "suspect", b: "suspect" });
  });

  it("the one during whose time memory grew, not the one that runs when it is noticed", () => {
    expect(parts({ a: { grownMb: 300 }, b: { grownMb: 20, turnMs: 10, inFlight: 1 } }, "memory")).toEqual({ a: "culprit", b: "bystander" });
    expect(parts({ a: { grownMb: 150 }, b: { grownMb: 140 }, c: { grownMb: 1 } }, "memory")).toEqual({
      a: "suspect",
      b: "suspect",
      c: "bystander",
    });
    const five = Object.fromEntries(["a", "b", "c", "d", "e"].map((id) => [id, { grownMb: 50 }]));
    expect(new Set(Object.values(parts(five, "memory")))).toEqual(new Set(["suspect"]));
  });
});

describe("growth of a process", () => {
  it("is charged by the time that each ran, and what is given back is given back by all", () => {
    const [a, b, c] = [load({ recentMs: 30 }), load({ recentMs: 10 }), load({})];
    chargeGrowth([a, b, c], 100, 140);
    expect([a.grownMb, b.grownMb, c.grownMb]).toEqual([30, 10, 0]);
    expect(a.recentMs).toBe(0);
    chargeGrowth([a, b, c], 140, 70);
    expect([a.grownMb, b.grownMb, c.grownMb]).toEqual([15, 5, 0]);
  });
});
