import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bucket } from "./bucket.ts";
import { GuestLog } from "./guest-log.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

describe("a bucket", () => {
  it("gives its burst at once, then so much a second, and never more than it holds", () => {
    const bucket = new Bucket(10, 3);
    expect([1, 1, 1, 1].map((amount) => bucket.take(amount))).toEqual([true, true, true, false]);
    vi.advanceTimersByTime(200);
    expect([1, 1, 1].map((amount) => bucket.take(amount))).toEqual([true, true, false]);
    vi.advanceTimersByTime(60_000);
    expect([3, 1].map((amount) => bucket.take(amount))).toEqual([true, false]);
  });

  it("says how long what comes too early must wait, the later the longer", () => {
    const bucket = new Bucket(1_000, 2);
    expect([bucket.owe(), bucket.owe(), bucket.owe(), bucket.owe()]).toEqual([0, 0, 1, 2]);
    vi.advanceTimersByTime(2);
    expect(bucket.owe()).toBe(1);
  });
});

describe("a guest's log", () => {
  const written: string[] = [];
  const open = () => new GuestLog("acme.x", (_level, message) => void written.push(message));
  beforeEach(() => void written.splice(0));

  it("takes ordinary lines whole, and ignores what is no line", () => {
    const log = open();
    log.note({ level: "info", message: "one", fields: { a: 1 } });
    log.note({ level: "shout", message: "two" });
    log.note({});
    expect(written).toEqual(["one"]);
  });

  it("drops a flood and tells how much, once a second", () => {
    const log = open();
    for (let n = 0; n < 5_000; n++) log.note({ level: "info", message: "x" });
    expect(written).toHaveLength(300);
    vi.advanceTimersByTime(1_000);
    expect(written.at(-1)).toBe("4,700 log lines were dropped: it writes too many");
  });

  it("counts bytes too: few lines may be many", () => {
    const log = open();
    for (let n = 0; n < 100; n++) log.note({ level: "info", message: "x".repeat(8_000) });
    expect(written.length).toBeLessThan(40);
    log.close();
    expect(written.at(-1)).toMatch(/ log lines were dropped/);
  });

  it("refuses to go on when it is flooded with notes", () => {
    const log = open();
    expect(() => {
      for (let n = 0; n < 60_000; n++) log.note({});
    }).toThrow(expect.objectContaining({ code: "PLINTH_QUOTA", extension: "acme.x" }));
  });
});
