import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Job, Room } from "./room.ts";

const PROGRAM = join(import.meta.dirname, "program.testing.ts");
const BOUNDS = { cpuMs: 400, longestMs: 60_000, heapMb: 64, waiting: 8 };
const FOREVER = 3_600_000;

let room = new Room(BOUNDS, PROGRAM);
afterEach(async () => {
  room.rest();
  room = new Room(BOUNDS, PROGRAM);
});
const run = (task: string, input: unknown = null, more: Partial<Job> = {}): Promise<unknown> =>
  room.run({ task, input, owner: "acme", about: "The index of acme.weather", ...more });
const failure = (promise: Promise<unknown>): Promise<{ code?: string; message: string; next?: string; details?: unknown }> =>
  promise.then(
    () => ({ message: "it did not fail" }),
    (thrown: Error & { code?: string; next?: string; details?: unknown }) => thrown,
  );

describe("the room for strangers' data", () => {
  it("gives what a task gives, and its errors with everything that people need", async () => {
    expect(await run("echo", { a: [1, "two"] })).toEqual({ a: [1, "two"] });
    const { code, message, next, details } = await failure(run("refuse"));
    expect({ code, message, next, details }).toEqual({
      code: "PLINTH_REGISTRY_INVALID",
      message: "It is not JSON.",
      next: "Tell who runs it.",
      details: { at: 1 },
    });
  });

  it.each([
    ["spins for ever", "spin", "PLINTH_DATA_TIME", "took more than 0.4 s of processor time"],
    ["takes all memory", "hoard", "PLINTH_DATA_MEMORY", "took more than 64 MiB of memory"],
    ["ends its thread", "crash", "PLINTH_DATA_FAILED", "could not be looked at"],
    ["breaks", "break", "PLINTH_DATA_FAILED", "a bug"],
    ["gives what cannot be handed over", "unclonable", "PLINTH_DATA_FAILED", "could not be"],
    ["is none", "nothing", "PLINTH_DATA_FAILED", "there is no task nothing"],
  ])("a task that %s is ended, named with whose data it was, and the next one is done", async (_what, task, code, words) => {
    const [bad, good] = await Promise.all([failure(run(task, FOREVER)), run("echo", 1)]);
    expect(bad.code).toBe(code);
    expect(bad.message).toContain("The index of acme.weather");
    expect(bad.message).toContain(words);
    expect(bad.next).toBeTruthy();
    expect(good).toBe(1);
  });

  it("leaves this thread free: timers and others go on while it works", async () => {
    let turns = 0;
    let busy = true;
    const count = (): void => {
      turns++;
      if (busy) setImmediate(count);
    };
    count();
    await failure(run("spin", FOREVER));
    busy = false;
    expect(turns).toBeGreaterThan(100);
  });

  it("is left at once by whoever does not want to wait any more, working or waiting", async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const working = failure(run("spin", FOREVER, { signal: first.signal }));
    const waiting = failure(run("spin", FOREVER, { signal: second.signal }));
    const third = run("echo", 3);
    second.abort(new Error("changed my mind"));
    expect((await waiting).message).toBe("changed my mind");
    first.abort(new Error("and so did I"));
    expect((await working).message).toBe("and so did I");
    expect(await third).toBe(3);
    const gone = AbortSignal.abort(new Error("before it began"));
    expect((await failure(run("echo", 1, { signal: gone }))).message).toBe("before it began");
  });

  it("starts one thread, however many jobs are given up at once", async () => {
    let threads = 0;
    const count = (): void => void threads++;
    subscribe("worker_threads", count);
    try {
      const ends = Array.from({ length: 8 }, () => new AbortController());
      const given = ends.map(({ signal }, at) => failure(run("spin", FOREVER, { signal, owner: `owner-${at}` })));
      for (const end of ends) end.abort(new Error("gone"));
      for (const one of given) expect((await one).message).toBe("gone");
      expect(await run("echo", 1)).toBe(1);
      expect(threads).toBeLessThanOrEqual(2);
    } finally {
      unsubscribe("worker_threads", count);
    }
  });

  it("takes owners in turns, and bounds what one may have waiting", async () => {
    await run("echo");
    const order: string[] = [];
    const greedy = Array.from({ length: 20 }, () => failure(run("echo", 0, { owner: "greedy" })).then(({ code }) => order.push(code ?? "greedy")));
    const modest = run("echo", 0, { owner: "modest" }).then(() => order.push("modest"));
    await Promise.all([...greedy, modest]);
    const done = order.filter((one) => one !== "PLINTH_DATA_BUSY");
    expect(done.indexOf("modest")).toBeLessThanOrEqual(2);
    expect(order.filter((one) => one === "PLINTH_DATA_BUSY")).toHaveLength(20 - BOUNDS.waiting - 1);
  });

  it("tells of what takes longer than a second", async () => {
    room = new Room({ ...BOUNDS, cpuMs: 1_600 }, PROGRAM);
    const told: string[] = [];
    await room.progress.run(
      (line) => told.push(line),
      () => failure(run("spin", FOREVER)),
    );
    expect(told[0]).toMatch(/^The index of acme\.weather is being looked at: \d+ s …$/);
  });
});
