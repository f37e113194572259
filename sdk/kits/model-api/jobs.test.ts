import { describe, expect, it } from "vitest";
import type { Clock } from "../../extension/index.ts";
import { beginJob, failure, followJob, type JobProgress, type JobState } from "./index.ts";

/** Time that passes only where somebody sleeps. */
function clock(): Clock & { slept: number[] } {
  let now = 1_000;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

async function followed(states: (JobState<string> | Error)[], options: { mostMs?: number; everyMs?: number; signal?: AbortSignal } = {}) {
  const time = clock();
  const told: JobProgress[] = [];
  const look = async () => {
    const state = states.length > 1 ? states.shift()! : states[0]!;
    if (state instanceof Error) throw state;
    return state;
  };
  const { mostMs = 600_000, signal = new AbortController().signal, ...rest } = options;
  const following = followJob(look, { clock: time, signal, title: "Acme", mostMs, ...rest });
  for (;;) {
    const step = await following.next();
    if (step.done) return { result: step.value, told, slept: time.slept };
    told.push(step.value);
  }
}

describe("work that goes on elsewhere", () => {
  it("is told of where something changes, and looked at less and less often", async () => {
    const queued = { state: "queued" as const, place: 2 };
    const running = { state: "running" as const };
    const { result, told, slept } = await followed([queued, queued, running, running, { done: "made" }], { everyMs: 700 });
    expect(result).toBe("made");
    expect(told).toEqual([
      { type: "progress", ...queued },
      { type: "progress", ...running },
    ]);
    expect(slept).toEqual([250, 375, 562.5, 700]);
  });

  it("is told of now and then where nothing changes, however long a server wants to be left alone", async () => {
    const busy = failure("RATE", "Too many.", { details: { retryAfterMs: 70_000 } });
    const { told, slept } = await followed([{ state: "running" }, busy, { done: "made" }]);
    expect(slept).toEqual([250, 30_000, 30_000, 10_000]);
    expect(told).toHaveLength(3);
  });

  it("is looked at again where a look fails, and given up where each does, or where it cannot help", async () => {
    const away = failure("NETWORK", "Away.");
    expect((await followed([away, away, away, away, away, { done: "made" }])).result).toBe("made");
    await expect(followed([away])).rejects.toBe(away);
    const { slept } = await followed([failure("SERVER", "No."), { state: "running" }, failure("SERVER", "No."), { done: "made" }]);
    expect(slept).toHaveLength(3);
    const refusal = failure("AUTH", "No.");
    await expect(followed([{ state: "queued" }, refusal, { done: "made" }])).rejects.toBe(refusal);
  });

  it("is not waited for without end, and its own end is not taken for granted", async () => {
    const error = await followed([{ state: "running" }], { mostMs: 120_000 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "PLINTH_MODEL_SERVER", details: { retryable: false }, message: expect.stringContaining("2 minutes") });
    const leaving = new AbortController();
    leaving.abort(new Error("left"));
    await expect(followed([{ state: "running" }], { signal: leaving.signal })).rejects.toThrow("left");
  });
});

describe("work that begins", () => {
  it("has a name, or fails as it fails", async () => {
    const { signal } = new AbortController();
    expect(await beginJob(async () => "a", Promise.reject, signal)).toBe("a");
    await expect(beginJob(() => Promise.reject(new Error("no")), Promise.reject, signal)).rejects.toThrow("no");
  });

  it("is not said to be worth another try where it may have begun", async () => {
    const { signal } = new AbortController();
    const failing = (error: Error) =>
      beginJob(() => Promise.reject(error), Promise.reject, signal).catch(({ code, details, message }) => [
        code,
        details.retryable,
        /not known/.test(message),
      ]);
    expect(await failing(failure("NETWORK", "Acme cannot be reached: ECONNRESET"))).toEqual(["PLINTH_MODEL_NETWORK", false, true]);
    expect(await failing(failure("STREAM", "It was cut."))).toEqual(["PLINTH_MODEL_STREAM", false, true]);
    expect(await failing(failure("NETWORK", "Acme cannot be reached: ECONNREFUSED"))).toEqual(["PLINTH_MODEL_NETWORK", true, false]);
    expect(await failing(failure("RATE", "Too many."))).toEqual(["PLINTH_MODEL_RATE", true, false]);
  });

  it("is ended as soon as it has a name where whoever began it left before, and never begun where they had left", async () => {
    const leaving = new AbortController();
    const named = Promise.withResolvers<string>();
    const ended = Promise.withResolvers<string>();
    const beginning = beginJob(
      () => named.promise,
      async (name) => ended.resolve(name),
      leaving.signal,
    );
    leaving.abort(new Error("left"));
    await expect(beginning).rejects.toThrow("left");
    named.resolve("a");
    expect(await ended.promise).toBe("a");
    let begun = 0;
    await expect(beginJob(async () => begun++, Promise.reject, leaving.signal)).rejects.toThrow("left");
    expect(begun).toBe(0);
  });
});
