import { describe, expect, it } from "vitest";
import { Breaker } from "../wire/breaker.ts";
import type { PlinthError } from "../wire/error.ts";
import { Pipeline, type Tap, type TouchedWork } from "./pipeline.ts";

type Run = Tap["run"];

function tap(extension: string, run: Run, more: Partial<Tap> = {}): Tap & { errors: PlinthError[] } {
  const errors: PlinthError[] = [];
  return {
    extension,
    stage: "normal",
    deadlineMs: 1_000,
    closed: false,
    breaker: new Breaker(),
    counts: { calls: 0, errors: 0 },
    run,
    failed: (error) => errors.push(error),
    errors,
    ...more,
  } as Tap & { errors: PlinthError[] };
}
const pipeline = (mode: string, ...taps: Tap[]): Pipeline =>
  new Pipeline({ name: "x.happened", contract: "x.c", mode: mode as never, deadlineMs: 1_000, failure: "open" }, taps);
const boom: Run = () => {
  throw new Error("boom");
};
const hangs: Run = () => new Promise(() => {});
const open = (): Breaker => {
  const breaker = new Breaker(1, 60_000);
  breaker.failed();
  return breaker;
};

describe("a hook without subscribers", () => {
  it.each([
    ["observe", undefined],
    ["transform", { n: 0 }],
    ["gate", { allowed: true }],
    ["claim", undefined],
    ["observe-sync", undefined],
    ["transform-sync", { n: 0 }],
  ])("%s has its neutral outcome", async (mode, outcome) => {
    expect(await pipeline(mode).fire("me", { n: 0 }, undefined)).toEqual(outcome);
  });
});

describe("observe", () => {
  it("tells everyone, whatever the others do, and waits for all", async () => {
    const told: string[] = [];
    const slow: Run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      told.push("slow");
    };
    const bad = tap("b.b", boom, { closed: true });
    expect(
      await pipeline(
        "observe",
        tap("a.a", slow),
        bad,
        tap("c.c", () => void told.push("quick")),
      ).fire("me", {}, undefined),
    ).toBeUndefined();
    expect(told.sort()).toEqual(["quick", "slow"]);
    expect(bad.errors).toEqual([expect.objectContaining({ message: "boom", extension: "b.b" })]);
    expect(bad.counts).toEqual({ calls: 1, errors: 1 });
  });
});

describe.each(["transform", "transform-sync"])("%s", (mode) => {
  const add =
    (letter: string): Run =>
    (p) => ({ text: (p as { text: string }).text + letter });

  it("chains: each gets what the one before it made, in order", async () => {
    const chain = pipeline(
      mode,
      tap("a.a", add("a")),
      tap("b.b", () => undefined),
      tap("c.c", add("c")),
    );
    expect(await chain.fire("me", { text: "" }, undefined)).toEqual({ text: "ac" });
  });

  it("skips one that fails where it fails open, and fails where it is closed", async () => {
    expect(await pipeline(mode, tap("a.a", boom), tap("b.b", add("b"))).fire("me", { text: "" }, undefined)).toEqual({ text: "b" });
    const closed = pipeline(mode, tap("a.a", boom, { closed: true }), tap("b.b", add("b")));
    await expect(closed.fire("me", { text: "" }, undefined)).rejects.toMatchObject({ message: "boom", extension: "a.a" });
  });
});

describe("transform", () => {
  it("does not take something of another kind for the payload", async () => {
    const bad = tap("a.a", () => "text");
    expect(await pipeline("transform", bad).fire("me", { n: 1 }, undefined)).toEqual({ n: 1 });
    expect(bad.errors[0]?.code).toBe("PLINTH_PAYLOAD");
  });

  it("that is closed rejects when its subscriber takes too long", async () => {
    await expect(pipeline("transform", tap("a.a", hangs, { closed: true, deadlineMs: 30 })).fire("me", {}, undefined)).rejects.toMatchObject({
      code: "PLINTH_DEADLINE",
      extension: "a.a",
    });
  });
});

describe("a gate", () => {
  const closed = (extension: string, run: Run, more: Partial<Tap> = {}) => tap(extension, run, { closed: true, ...more });

  it("is passed when nobody denies, and the first denial ends it", async () => {
    const last = closed("c.c", () => undefined);
    expect(
      await pipeline(
        "gate",
        closed("a.a", () => undefined),
        closed("b.b", async () => null),
        last,
      ).fire("me", {}, undefined),
    ).toEqual({ allowed: true });
    const gate = pipeline(
      "gate",
      closed("a.a", () => ({ deny: "not today" })),
      last,
    );
    expect(await gate.fire("me", {}, undefined)).toEqual({ allowed: false, reason: "not today", by: "a.a" });
    expect(last.counts.calls).toBe(1);
  });

  it.each([
    ["throws", closed("a.a", boom), /boom/],
    ["rejects", closed("a.a", () => Promise.reject(new Error("later"))), /later/],
    ["throws nothing at all", closed("a.a", () => Promise.reject(undefined)), /PLINTH_EXTENSION_FAILED/],
    ["hangs", closed("a.a", hangs, { deadlineMs: 30 }), /PLINTH_DEADLINE/],
    ["has an open breaker", closed("a.a", () => undefined, { breaker: open() }), /PLINTH_BREAKER_OPEN/],
    ["answers yes", closed("a.a", () => true), /PLINTH_PAYLOAD/],
    ["answers an object", closed("a.a", () => ({ allowed: true })), /PLINTH_PAYLOAD/],
    ["denies without a reason", closed("a.a", () => ({ deny: true })), /PLINTH_PAYLOAD/],
  ])("that is closed denies when its subscriber %s", async (_what, one, reason) => {
    expect(await pipeline("gate", one).fire("me", {}, undefined)).toEqual({ allowed: false, by: "a.a", reason: expect.stringMatching(reason) });
  });

  it("that is open passes by one that fails, and still hears the others", async () => {
    expect(await pipeline("gate", tap("a.a", boom)).fire("me", {}, undefined)).toEqual({ allowed: true });
    expect(
      await pipeline(
        "gate",
        tap("a.a", boom),
        tap("b.b", () => ({ deny: "no" })),
      ).fire("me", {}, undefined),
    ).toMatchObject({ allowed: false, by: "b.b" });
  });
});

describe("claim", () => {
  it("gives the first answer and its owner; later ones are not asked", async () => {
    const last = tap("c.c", () => "mine");
    const claim = pipeline(
      "claim",
      tap("a.a", () => undefined),
      tap("b.b", async () => 0),
      last,
    );
    expect(await claim.fire("me", {}, undefined)).toEqual({ by: "b.b", answer: 0 });
    expect(last.counts.calls).toBe(0);
    expect(await pipeline("claim", tap("a.a", boom), last).fire("me", {}, undefined)).toEqual({ by: "c.c", answer: "mine" });
    expect(
      await pipeline(
        "claim",
        tap("a.a", () => null),
      ).fire("me", {}, undefined),
    ).toBeUndefined();
  });
});

describe("synchronous hooks", () => {
  it("start their subscribers first, and take no promise for an answer", async () => {
    let started = false;
    const lazy = tap("a.a", () => (started ? { n: 1 } : Promise.resolve({ n: 9 })), {
      ready: async () => {
        started = true;
      },
    });
    const late = tap("b.b", () => Promise.reject(new Error("late")));
    expect(await pipeline("transform-sync", lazy, late).fire("me", { n: 0 }, undefined)).toEqual({ n: 1 });
    expect(late.errors[0]).toMatchObject({ code: "PLINTH_PAYLOAD", extension: "b.b" });
  });

  it("give errors their owner too", async () => {
    const bad = tap("a.a", boom);
    await pipeline("observe-sync", bad).fire("me", {}, undefined);
    expect(bad.errors[0]).toMatchObject({ code: "PLINTH_EXTENSION_FAILED", extension: "a.a" });
  });
});

describe("a subscriber", () => {
  it("knows the caller and the work, and its signal is aborted when its time is over", async () => {
    const work: TouchedWork = { id: "w1", principal: { role: "guest", via: "test" }, generation: 1, influences: [], touched() {} };
    let seen: any;
    let reason: any;
    const watches: Run = (_payload, call) => {
      seen = { caller: call.caller, work: call.work?.id };
      return new Promise(() => call.signal.addEventListener("abort", () => (reason = call.signal.reason)));
    };
    await pipeline("observe", tap("a.a", watches, { deadlineMs: 30 })).fire("acme.x", {}, work);
    expect(seen).toEqual({ caller: "acme.x", work: "w1" });
    expect(reason).toMatchObject({ code: "PLINTH_DEADLINE", extension: "a.a" });
  });

  it("is not blamed when the one who fired the hook gives up", async () => {
    const stop = new AbortController();
    const one = tap("a.a", hangs, { closed: true });
    const fired = pipeline("gate", one).fire("me", {}, undefined, { signal: stop.signal });
    stop.abort();
    await expect(fired).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect([one.counts.errors, one.breaker.open]).toEqual([0, false]);
  });

  it("that fails five times in a row is left alone, and one call is let through after the pause", async () => {
    let now = true;
    const breaker = new Breaker(5, 50);
    const one = tap("a.a", () => (now ? boom({}, null as never) : "well"), { breaker });
    const claim = pipeline("claim", one);
    for (let n = 0; n < 8; n++) await claim.fire("me", {}, undefined);
    expect(one.counts.calls).toBe(5);
    now = false;
    await expect.poll(() => claim.fire("me", {}, undefined)).toEqual({ by: "a.a", answer: "well" });
    expect(breaker.open).toBe(false);
  });
});

describe("a breaker", () => {
  it("whose trial call never reports back lets another one through after the next pause", async () => {
    const breaker = new Breaker(1, 20);
    breaker.failed();
    expect(breaker.allows()).toBe(false);
    await expect.poll(() => breaker.allows(), { interval: 5 }).toBe(true);
    expect(breaker.allows()).toBe(false);
    await expect.poll(() => breaker.allows(), { interval: 5 }).toBe(true);
  });
});
