import { expect, it } from "vitest";
import { lifetimeOf } from "./lifetime.ts";

const now = new Date("2026-06-01T00:00:00.000Z");
const day = (count: number): string => new Date(now.getTime() + count * 86_400_000).toISOString();

it.each([
  ["snapshot", day(30), "holds"],
  ["snapshot", "9999-12-31T00:00:00.000Z", "too-long"],
  ["snapshot", day(366), "holds"],
  ["snapshot", day(367), "too-long"],
  ["root", day(1_100), "holds"],
  ["root", day(1_101), "too-long"],
  ["root", day(0), "expired"],
  ["snapshot", day(-1), "expired"],
  ["snapshot", "never", "expired"],
  ["snapshot", "", "expired"],
  ["root", "+275760-09-13T00:00:00.001Z", "expired"],
] as const)("a %s that expires at %s: %s", (role, expires, holds) => {
  expect(lifetimeOf(role, expires, now, true)).toBe(holds);
});

it("of this machine may hold for longer, and expires all the same", () => {
  expect(lifetimeOf("snapshot", day(4_000), now, false)).toBe("holds");
  expect(lifetimeOf("snapshot", "never", now, false)).toBe("expired");
});
