import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Manifest } from "../schema/extension.ts";
import type { WorkData } from "./bridge.ts";
import { Budgets } from "./budgets.ts";
import { Call } from "./call.ts";
import type { PlinthError } from "./error.ts";
import { Calls, partyOf, Shares } from "./parties.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OWNER = partyOf(null, undefined);
const manifest = (budgets: Manifest["budgets"]) => ({ id: "acme.tool", budgets }) as Manifest;
const work = (role: "owner" | "guest" | "system", via: string): WorkData => ({ id: "w", generation: 1, principal: { role, via }, influences: [] });
const callOf = (party: string) => new Call("x", undefined, undefined, party);

describe("a budget's party", () => {
  it.each([
    [null, undefined, OWNER],
    [null, work("owner", "cli"), OWNER],
    [null, work("system", "scheduler"), OWNER],
    ["acme.other", undefined, "acme.other"],
    ["acme.other", work("owner", "cli"), "acme.other"],
    [null, work("guest", "acme.other"), "acme.other"],
    ["acme.one", work("guest", "acme.other"), "acme.other"],
  ])("of the caller %s in %o is %s", (caller, inWork, party) => {
    expect(partyOf(caller, inWork)).toBe(party);
  });
});

describe("budgets are each caller's own", () => {
  it("calls a minute: who used up its share waits for the next minute, others do not", () => {
    const budgets = new Budgets(manifest({ callsPerMinute: 3 }), false, new Calls());
    const outcome = (party: string) => budgets.refuses(party)?.code ?? "in";
    for (let n = 0; n < 1_000; n++) outcome("acme.greedy");
    expect(outcome("acme.greedy")).toBe("PLINTH_QUOTA");
    expect([1, 2, 3, 4].map(() => outcome(OWNER))).toEqual(["in", "in", "in", "PLINTH_QUOTA"]);
    expect(outcome("acme.calm")).toBe("in");
    vi.advanceTimersByTime(60_001);
    expect(outcome("acme.greedy")).toBe("in");
  });

  it("calls at one time: those of others take no place", () => {
    const calls = new Calls();
    const budgets = new Budgets(manifest({ concurrentCalls: 2 }), false, calls);
    const held = ["acme.greedy", "acme.greedy"].map(callOf);
    for (const call of held) calls.add(call);
    expect(budgets.refuses("acme.greedy")?.message).toContain("2 calls at one time for acme.greedy");
    expect(budgets.refuses(OWNER)).toBeNull();
    for (const call of held) calls.delete(call);
    expect(budgets.refuses("acme.greedy")).toBeNull();
  });

  it("processor time: whose calls took most of it waits and its calls end, and the extension goes on for the owner", () => {
    const calls = new Calls();
    const budgets = new Budgets(manifest({ cpuMsPerMinute: 10_000 }), false, calls);
    const greedy = callOf("acme.greedy");
    const mine = callOf(OWNER);
    calls.add(greedy);
    let used = 0;
    const over: PlinthError[] = [];
    const stop = budgets.watchCpu(
      () => used,
      (error) => over.push(error),
    );
    for (let second = 0; second < 12; second++) {
      used += 900;
      if (second === 3) calls.add(mine);
      vi.advanceTimersByTime(1_000);
    }
    expect(greedy.cancelled).toMatchObject({ code: "PLINTH_QUOTA", extension: "acme.tool" });
    expect(mine.cancelled).toBeNull();
    expect([budgets.refuses("acme.greedy")?.code, budgets.refuses(OWNER), over]).toEqual(["PLINTH_QUOTA", null, []]);
    vi.advanceTimersByTime(60_001);
    expect(budgets.refuses("acme.greedy")).toBeNull();
    stop();
  });

  it("processor time that the owner's calls or nobody's took ends the extension, as ever", () => {
    for (const party of [OWNER, null]) {
      const calls = new Calls();
      const budgets = new Budgets(manifest({ cpuMsPerMinute: 2_000 }), false, calls);
      if (party !== null) calls.add(callOf(party));
      let used = 0;
      const over: PlinthError[] = [];
      budgets.watchCpu(
        () => used,
        (error) => over.push(error),
      );
      for (let second = 0; second < 4; second++) {
        used += 900;
        vi.advanceTimersByTime(1_000);
      }
      expect(over).toHaveLength(1);
    }
  });

  it("names are free, so many of them share one count", () => {
    const shares = new Shares();
    for (let n = 0; n < 256; n++) expect(shares.spend(`acme.n${n}`, 1)).toBe(1);
    expect([shares.spend("acme.one-more", 1), shares.spend("acme.another", 1)]).toEqual([1, 2]);
    expect(shares.spend("acme.n7", 1)).toBe(2);
  });
});
