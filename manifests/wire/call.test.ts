import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { errors } from "../errors.ts";
import type { WorkData } from "./bridge.ts";
import { Call, followStream, settle } from "./call.ts";
import { addDeadline, removeDeadline } from "./deadlines.ts";
import { PlinthError } from "./error.ts";

const works = new AsyncLocalStorage<WorkData | undefined>();
const runWork = <T>(work: WorkData | undefined, body: () => T): T => works.run(work, body);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const newCall = (parent?: AbortSignal): Call => new Call("caller.x", undefined, parent);

describe("deadlines", () => {
  it("never fire early, each fires once, and a removed one never does", async () => {
    const fired: number[] = [];
    const began = performance.now();
    const early: number[] = [];
    const lengths = [10, 50, 50, 30, 120];
    for (const [index, ms] of lengths.entries()) {
      addDeadline(ms, () => {
        fired.push(index);
        if (performance.now() - began < ms) early.push(index);
      });
    }
    const removed = Array.from({ length: 100 }, () => addDeadline(40, () => fired.push(99)));
    for (const one of removed) removeDeadline(one);
    for (const one of removed) removeDeadline(one);
    await expect.poll(() => fired.length).toBe(lengths.length);
    expect([...fired].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(fired.indexOf(1)).toBeLessThan(fired.indexOf(2));
    expect(early).toEqual([]);
  });

  it("removed from the middle of their queue leave the others in place", async () => {
    const fired: number[] = [];
    const all = [0, 1, 2, 3, 4].map((n) => addDeadline(35, () => fired.push(n)));
    for (const n of [2, 0, 4]) removeDeadline(all[n] as never);
    await expect.poll(() => fired).toEqual([1, 3]);
  });

  it("of more lengths than are kept still fire", async () => {
    let fired = 0;
    for (let ms = 1; ms <= 200; ms++) addDeadline(ms % 90, () => fired++);
    await expect.poll(() => fired).toBe(200);
  });
});

describe("settling a call", () => {
  const run = (body: () => unknown, deadlineMs = 1_000, parent?: AbortSignal, call = newCall(parent)) =>
    settle("acme.x", "x.do", call, parent, deadlineMs, body);

  it("gives values and promised values through", async () => {
    expect(await run(() => 5)).toBe(5);
    expect(await run(async () => "later")).toBe("later");
    expect(await run(() => null)).toBeNull();
  });

  it("tells one listener of its end without a signal, further ones with one", async () => {
    const parent = new AbortController();
    const call = newCall(parent.signal);
    const told: string[] = [];
    const listeners = ["first", "second", "gone"].map((name) => ({
      handleEvent: () => void told.push(`${name}: ${(call.reason as Error).message}`),
    }));
    const pending = run(
      () => {
        for (const one of listeners) call.addEventListener("abort", one);
        call.removeEventListener("abort", listeners[2] as never);
        return new Promise(() => {});
      },
      1_000,
      parent.signal,
      call,
    );
    expect(call.aborted).toBe(false);
    parent.abort(new Error("enough"));
    await expect(pending).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(call.aborted).toBe(true);
    expect(told.sort()).toEqual(["first: enough", "second: enough"]);
  });

  it("gives errors their owner, unless they have one", async () => {
    await expect(
      run(() => {
        throw new Error("plain");
      }),
    ).rejects.toMatchObject({ code: "PLINTH_EXTENSION_FAILED", extension: "acme.x" });
    await expect(run(() => Promise.reject("text"))).rejects.toMatchObject({ message: "text", extension: "acme.x" });
    const other = new PlinthError("PLINTH_OTHER", "deeper", { extension: "other.y" });
    await expect(run(() => Promise.reject(other))).rejects.toBe(other);
  });

  it("ends at its deadline and tells the receiver why", async () => {
    const call = newCall();
    const { signal } = call;
    await expect(run(() => new Promise(() => {}), 20, undefined, call)).rejects.toMatchObject({ code: "PLINTH_DEADLINE", extension: "acme.x" });
    expect(signal.reason).toMatchObject({ code: "PLINTH_DEADLINE" });
  });

  it("ends when its caller gives up, also before it began", async () => {
    const stop = new AbortController();
    const call = newCall(stop.signal);
    const { signal } = call;
    const pending = run(() => new Promise(() => {}), 0, stop.signal, call);
    stop.abort();
    await expect(pending).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(signal.aborted).toBe(true);
    let ran = false;
    await expect(run(() => (ran = true), 0, stop.signal)).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(ran).toBe(false);
  });

  it("keeps a coded reason of the one who gave up", async () => {
    const stop = new AbortController();
    stop.abort(errors.stopping());
    await expect(run(() => 1, 0, stop.signal)).rejects.toMatchObject({ code: "PLINTH_STOPPING" });
  });

  it("leaves no listener on the caller's signal, however it ends", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      listeners--;
      remove(...args);
    };
    for (const body of [
      (call: Call) => call.signal && 1,
      async (call: Call) => call.signal && 1,
      async (call: Call) => Promise.reject(call.signal),
    ]) {
      const call = newCall(signal);
      await run(() => body(call), 1_000, signal, call).catch(() => {});
    }
    expect(listeners).toBe(0);
  });
});

describe("following a stream", () => {
  interface Followed {
    items: AsyncIterableIterator<unknown>;
    call: Call;
    ended: unknown[];
  }
  function follow(
    open: (call: Call) => AsyncIterable<unknown>,
    options: { deadlineMs?: number; parent?: AbortSignal; work?: WorkData } = {},
  ): Followed {
    const { deadlineMs = 1_000, parent, work } = options;
    const call = new Call("caller.x", work, parent);
    const ended: unknown[] = [];
    const enter = <T>(body: () => T): T => runWork(work, body);
    const items = followStream(
      "acme.x",
      "x.items",
      call,
      parent,
      deadlineMs,
      () => open(call),
      enter,
      (failed) => ended.push(failed),
    );
    return { items, call, ended };
  }
  async function* three(): AsyncGenerator<number> {
    yield* [1, 2, 3];
  }

  it("gives its items, then its end, and is over once", async () => {
    const { items, ended } = follow(three);
    const found: unknown[] = [];
    for await (const one of items) found.push(one);
    expect(found).toEqual([1, 2, 3]);
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(ended).toEqual([null]);
  });

  it("opens at the first pull, not before", () => {
    let opened = false;
    follow(() => {
      opened = true;
      return three();
    });
    expect(opened).toBe(false);
  });

  it("that its consumer leaves early is cleaned up at its source", async () => {
    const { promise: cleaned, resolve } = Promise.withResolvers<string>();
    const { items, call, ended } = follow(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        resolve("cleaned");
      }
    });
    for await (const _one of items) break;
    expect(await cleaned).toBe("cleaned");
    expect(call.signal.aborted).toBe(true);
    expect(ended).toEqual([null]);
  });

  it("does not wait for a source that is stuck when its consumer leaves", async () => {
    const { items } = follow(
      async function* () {
        yield 1;
        await new Promise(() => {});
      },
      { deadlineMs: 0 },
    );
    await items.next();
    void items.next();
    expect(await items.return?.("left")).toEqual({ done: true, value: "left" });
  });

  it("tells who asks after a failure when its source has left", async () => {
    const { promise: open, resolve } = Promise.withResolvers<void>();
    let left = false;
    const stop = new AbortController();
    const { items } = follow(
      async function* () {
        try {
          yield 1;
          await open;
        } finally {
          left = true;
        }
      },
      { parent: stop.signal },
    );
    await items.next();
    const failing = items.next();
    stop.abort();
    await expect(failing).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(left).toBe(false);
    const returning = items.return?.();
    resolve();
    await returning;
    expect(left).toBe(true);
  });

  it("fails when the next item takes too long, and tells its source", async () => {
    const { items, call, ended } = follow(
      async function* () {
        yield 1;
        await new Promise(() => {});
      },
      { deadlineMs: 30 },
    );
    const { signal } = call;
    await items.next();
    await expect(items.next()).rejects.toMatchObject({ code: "PLINTH_DEADLINE", extension: "acme.x" });
    expect(signal.aborted).toBe(true);
    expect(ended).toEqual([expect.objectContaining({ code: "PLINTH_DEADLINE" })]);
  });

  it("has its deadline for each item, not for the whole", async () => {
    const { items } = follow(
      async function* () {
        for (let n = 0; n < 6; n++) {
          await wait(30);
          yield n;
        }
      },
      { deadlineMs: 150 },
    );
    let count = 0;
    for await (const _one of items) count++;
    expect(count).toBe(6);
  });

  it("tells its source at once when the caller aborts, while it waits and between two pulls", async () => {
    for (const waiting of [true, false]) {
      const stop = new AbortController();
      let told: unknown;
      const { items } = follow(
        async function* (call) {
          call.signal.addEventListener("abort", () => (told = "told"));
          yield 1;
          yield 2;
          await new Promise(() => {});
        },
        { parent: stop.signal },
      );
      await items.next();
      await items.next();
      const next = waiting ? items.next() : null;
      stop.abort();
      expect(told).toBe("told");
      await expect(next ?? items.next()).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    }
  });

  it("runs in the work that opened it, wherever its consumer pulls from", async () => {
    const owner = { id: "w1", principal: { role: "owner", via: "test" }, generation: 0, influences: [] } satisfies WorkData;
    const guest = { id: "w2", principal: { role: "guest", via: "test" }, generation: 0, influences: [] } satisfies WorkData;
    const whose = async function* (): AsyncGenerator<string | undefined> {
      for (;;) {
        await wait(1);
        yield works.getStore()?.id;
      }
    };
    const { items } = follow(whose, { work: guest });
    expect(await runWork(owner, async () => [(await items.next()).value, (await items.next()).value])).toEqual(["w2", "w2"]);
    const nobody = follow(whose).items;
    expect(await runWork(owner, async () => (await nobody.next()).value)).toBeUndefined();
  });

  it("gives what its source throws an owner", async () => {
    const { items } = follow(async function* () {
      yield 1;
      throw new Error("broken");
    });
    await items.next();
    await expect(items.next()).rejects.toMatchObject({ message: "broken", extension: "acme.x" });
    expect((await items.next()).done).toBe(true);
  });
});

describe("a call that is cancelled from outside", () => {
  const over = () => new PlinthError("PLINTH_GRANT_REVOKED", "It is over.");

  it("ends its caller's wait with the reason, whatever the receiver does", async () => {
    const call = newCall();
    const answer = settle("a.b", "test", call, undefined, 0, () => new Promise(() => {}));
    call.cancel(over());
    await expect(answer).rejects.toMatchObject({ code: "PLINTH_GRANT_REVOKED" });
    expect(call.signal.aborted).toBe(true);
  });

  it("ends a stream at its next step, and while that is waited for", async () => {
    for (const early of [true, false]) {
      const call = newCall();
      let returned = false;
      const items = followStream(
        "a.b",
        "test",
        call,
        undefined,
        0,
        async function* () {
          try {
            yield 1;
            await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
          } finally {
            returned = true;
          }
        },
        (body) => body(),
        () => {},
      );
      expect(await items.next()).toMatchObject({ value: 1 });
      if (early) call.cancel(over());
      const next = items.next();
      if (!early) call.cancel(over());
      await expect(next).rejects.toMatchObject({ code: "PLINTH_GRANT_REVOKED" });
      expect(await items.next()).toMatchObject({ done: true });
      await expect.poll(() => returned).toBe(true);
    }
  });
});
