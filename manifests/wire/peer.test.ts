import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { PlinthError } from "./error.ts";
import { encodeFrame } from "./frames.ts";
import { type Handler, Peer } from "./peer.ts";
import { WIRE } from "./protocol.ts";

const ends: Duplex[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.destroy();
});

const silent: Handler = {
  call: (method) => {
    throw new PlinthError("PLINTH_UNKNOWN", `there is no ${method}`);
  },
  stream: (method) => {
    throw new PlinthError("PLINTH_UNKNOWN", `there is no ${method}`);
  },
  note() {},
};

function pair(left: Partial<Handler>, right: Partial<Handler>, bytes = 64 * 1024): { left: Peer; right: Peer; leftEnd: Duplex; rightEnd: Duplex } {
  const [leftEnd, rightEnd] = duplexPair({ highWaterMark: bytes });
  ends.push(leftEnd, rightEnd);
  return {
    left: new Peer(leftEnd, "left's other", { ...silent, ...left }),
    right: new Peer(rightEnd, "right's other", { ...silent, ...right }),
    leftEnd,
    rightEnd,
  };
}
/** Two ends of a real connection. */
async function socketPair(): Promise<[Duplex, Duplex]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const left = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [right] = (await once(server, "connection")) as [Duplex];
  server.close();
  ends.push(left, right);
  return [left, right];
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: PlinthError) => thrown.code,
  );
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function* numbers(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n++) yield n;
}
/** Lets others have their turn: an in-memory pair alone would keep the event loop busy for good. */
async function* endless(): AsyncGenerator<number> {
  for (let n = 0; ; n++) {
    await turn();
    yield n;
  }
}
async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const one of items) found.push(one);
  return found;
}

describe("two peers", () => {
  it("call each other both ways at once, and answers find their calls", async () => {
    const double: Handler["call"] = async (_method, n) => {
      await turn();
      return (n as number) * 2;
    };
    const { left, right } = pair({ call: double }, { call: double });
    const asked = Array.from({ length: 500 }, (_, n) => n);
    const answers = await Promise.all([...asked.map((n) => left.call("double", n)), ...asked.map((n) => right.call("double", n))]);
    expect(answers).toEqual([...asked, ...asked].map((n) => n * 2));
    expect([left.inFlight, right.inFlight]).toEqual([0, 0]);
  });

  it("pass errors as data: code, owner, sentence, next step, and nothing else", async () => {
    const thrown = new PlinthError("PLINTH_NO", "it did not work", {
      extension: "acme.x",
      next: "try again",
      details: { inner: 1 },
      cause: new Error("deep"),
    });
    const { left } = pair({}, { call: () => Promise.reject(thrown) });
    const got = (await left.call("x", {}).catch((one) => one)) as PlinthError;
    expect(got).toBeInstanceOf(PlinthError);
    expect({ ...got, message: got.message, cause: got.cause }).toEqual({
      name: "PlinthError",
      code: "PLINTH_NO",
      extension: "acme.x",
      next: "try again",
      message: "it did not work",
      details: undefined,
      cause: undefined,
    });
  });

  it("survive whatever is thrown", async () => {
    const hostile = {
      get message() {
        throw new Error("a getter");
      },
    };
    for (const thrown of [
      undefined,
      null,
      5,
      "text",
      Symbol("s"),
      hostile,
      { message: "x".repeat(1e6) },
      new Proxy(
        {},
        {
          get: () => {
            throw 1;
          },
        },
      ),
    ]) {
      const { left } = pair({}, { call: () => Promise.reject(thrown) });
      const got = (await left.call("x", {}).catch((one) => one)) as PlinthError;
      expect(got.code).toBe("PLINTH_EXTENSION_FAILED");
      expect(got.message.length).toBeLessThan(5_000);
    }
  });

  it("tell the receiver when a call is cancelled, and the caller at once", async () => {
    const { promise: told, resolve } = Promise.withResolvers<unknown>();
    const { left } = pair({}, { call: (_m, _p, _meta, signal) => new Promise(() => signal.addEventListener("abort", () => resolve(signal.reason))) });
    const stop = new AbortController();
    const call = left.call("x", {}, {}, stop.signal);
    await turn();
    stop.abort();
    expect(await codeOf(call)).toBe("PLINTH_ABORTED");
    expect(await told).toMatchObject({ code: "PLINTH_ABORTED" });
    expect(await codeOf(left.call("x", {}, {}, stop.signal))).toBe("PLINTH_ABORTED");
  });

  it("refuse what is not JSON as an error of that call only", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const answers: unknown[] = [circle, 5n, undefined];
    const { left } = pair({}, { call: () => answers.shift() });
    expect(await codeOf(left.call("x", circle))).toBe("PLINTH_PAYLOAD");
    expect(await codeOf(left.call("x", {}))).toBe("PLINTH_PAYLOAD");
    expect(await codeOf(left.call("x", {}))).toBe("PLINTH_PAYLOAD");
    expect(await left.call("x", {})).toBeNull();
    expect(left.inFlight).toBe(0);
  });

  it.each(["a", "é", "😀"])("refuse a message over the frame limit, measured in bytes (%s)", async (letter) => {
    const long = letter.repeat(WIRE.maxFrameBytes / Buffer.byteLength(letter) + 1);
    const { left, right } = pair({}, { call: (method) => (method === "long" ? long : "short") });
    expect(await codeOf(left.call("x", long))).toBe("PLINTH_PAYLOAD");
    expect(await codeOf(left.call("long", {}))).toBe("PLINTH_PAYLOAD");
    right.note("log", long);
    expect(await left.call("x", letter.repeat(WIRE.maxFrameBytes / Buffer.byteLength(letter) - 100))).toBe("short");
  });

  it("bound the calls that wait", async () => {
    const { left } = pair({}, { call: () => new Promise(() => {}) });
    const waiting = Array.from({ length: WIRE.maxPendingCalls }, () => codeOf(left.call("x", {})));
    expect(await codeOf(left.call("x", {}))).toBe("PLINTH_QUOTA");
    left.close(new PlinthError("PLINTH_STOPPING", "over"));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["PLINTH_STOPPING"]));
  });

  it("bound the calls that they serve for the other side", async () => {
    const { left } = pair(
      {},
      { call: () => new Promise(() => {}), stream: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }) },
    );
    const streams = Array.from({ length: WIRE.maxPendingCalls }, () => left.open("x", {})[Symbol.asyncIterator]().next());
    for (const one of streams) one.catch(() => {});
    expect(await codeOf(left.call("x", {}))).toBe("PLINTH_QUOTA");
  });

  it("end every call, both ways, when the connection dies", async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const [leftEnd, rightEnd] = await socketPair();
    const hung: Handler["call"] = (_m, _p, _meta, signal) => new Promise(() => signal.addEventListener("abort", () => resolve()));
    const left = new Peer(leftEnd, "left's other", { ...silent, call: hung });
    const right = new Peer(rightEnd, "right's other", { ...silent, call: () => new Promise(() => {}), stream: () => endless() });
    const calls = [codeOf(left.call("x", {})), codeOf(collect(left.open("x", {}))), codeOf(right.call("x", {}))];
    await turn();
    rightEnd.destroy();
    expect(await Promise.all(calls)).toEqual(Array(3).fill("PLINTH_EXTENSION_EXITED"));
    await aborted;
    expect((await left.closed).code).toBe("PLINTH_EXTENSION_EXITED");
    expect(await codeOf(left.call("x", {}))).toBe("PLINTH_EXTENSION_EXITED");
    expect(() => left.open("x", {})[Symbol.asyncIterator]()).toThrow(/ended/);
  });

  it("end the connection when the other side breaks the protocol", async () => {
    const answer = { call: () => new Promise(() => {}) };
    for (const messages of [['["call",7,"x",{},{}]', '["call",7,"x",{},{}]'], ['["unknown",1]'], ["5"]]) {
      const { left, rightEnd } = pair(answer, {});
      rightEnd.write(encodeFrame(messages));
      expect((await left.closed).code).toBe("PLINTH_PROTOCOL");
    }
  });

  it("take an id again once its call is over", async () => {
    const { rightEnd } = pair({ call: () => "done" }, {});
    const read: string[] = [];
    rightEnd.removeAllListeners("data");
    rightEnd.on("data", (chunk: Buffer) => read.push(chunk.toString("utf8", 4)));
    for (let n = 0; n < 2; n++) {
      rightEnd.write(encodeFrame(['["call",7,"x",{},{}]']));
      await expect.poll(() => read.length).toBe(n + 1);
    }
    expect(read).toEqual(['[["ok",7,"done"]]', '[["ok",7,"done"]]']);
  });

  it("ignore answers to calls that nobody made", async () => {
    const { left, rightEnd } = pair({}, { call: () => "fine" });
    rightEnd.write(
      encodeFrame(['["ok",99,1]', '["err",98,{}]', '["next",97,1]', '["end",96]', '["credit",95,1]', '["cancel",94]', '["note","x",1]']),
    );
    expect(await left.call("x", {})).toBe("fine");
  });
});

describe("a stream between peers", () => {
  it("arrives whole and in order, then ends", async () => {
    const { left } = pair({}, { stream: () => numbers(1_000) });
    expect(await collect(left.open("x", {}))).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1));
    expect(left.inFlight).toBe(0);
  });

  it("is never further ahead of its consumer than its credits", async () => {
    let made = 0;
    const produce = async function* (): AsyncGenerator<number> {
      for (;;) yield ++made;
    };
    const { left } = pair({}, { stream: () => produce() });
    const items = left.open("x", {})[Symbol.asyncIterator]();
    let furthest = 0;
    for (let taken = 1; taken <= 300; taken++) {
      await items.next();
      for (let n = 0; n < 5; n++) await turn();
      furthest = Math.max(furthest, made - taken);
    }
    expect(furthest).toBeLessThanOrEqual(WIRE.streamCredits + 1);
    await items.return?.();
  });

  it("waits for a connection whose buffer is full, and others go on after it", async () => {
    const big = "x".repeat(100_000);
    const { left } = pair(
      {},
      {
        call: () => "fine",
        stream: async function* () {
          for (let n = 0; n < 100; n++) yield big;
        },
      },
      1_024,
    );
    const [items, other, answer] = await Promise.all([collect(left.open("x", {})), collect(left.open("x", {})), left.call("x", {})]);
    expect([items.length, other.length, answer]).toEqual([100, 100, "fine"]);
  });

  it.each([
    ["text that is six times as long on the wire", "\u0001".repeat(3_000)],
    ["names that are longer than what they name", { ["n".repeat(20_000)]: 1 }],
    ["many small parts", Array.from({ length: 3_000 }, (_, n) => n)],
    ["more than a window each", "x".repeat(300_000)],
  ])("of %s never waits for itself", async (_what, item) => {
    const produce = async function* (): AsyncGenerator<unknown> {
      for (let n = 0; n < 200; n++) yield item;
    };
    const { left } = pair({}, { stream: () => produce() });
    expect(await collect(left.open("x", {}))).toHaveLength(200);
  });

  it("that nobody takes stays at its source after a window's worth", async () => {
    let made = 0;
    const produce = async function* (): AsyncGenerator<string> {
      for (;;) yield String(++made).padEnd(20_000, "x");
    };
    const { left, right } = pair({}, { stream: () => produce() });
    const items = left.open("x", {})[Symbol.asyncIterator]();
    await items.next();
    for (let n = 0; n < 50; n++) await turn();
    expect(made * 20_000).toBeLessThan(WIRE.streamBytes + 3 * 20_000);
    expect(right.heldBytes).toBeLessThan(WIRE.streamBytes);
    await items.return?.();
  });

  it("that a guest reads goes further ahead, all of them together to a bound; what ends gives its share back", async () => {
    const ITEM = 16 * 1024;
    const made: number[] = [];
    const stream = (_method: string, at: unknown): AsyncIterable<unknown> => {
      made[at as number] = 0;
      return (async function* () {
        for (;;) {
          made[at as number]! += 1;
          yield "x".repeat(ITEM);
        }
      })();
    };
    const [guestEnd, hostEnd] = duplexPair({ highWaterMark: 64 * 1024 });
    ends.push(guestEnd, hostEnd);
    const guest = new Peer(guestEnd, "the host", silent);
    new Peer(hostEnd, "acme.guest", { ...silent, stream }, () => {});
    const readers = Array.from({ length: 6 }, (_, at) => guest.open("x", at)[Symbol.asyncIterator]());
    /** How far the source is ahead of a reader who took `count` items and then stopped. */
    const ahead = async (at: number, count: number): Promise<number> => {
      for (let n = 0; n < count; n++) await readers[at]!.next();
      for (let n = 0; n < 50; n++) await turn();
      return (made[at]! - count) * ITEM;
    };
    const unread = await ahead(0, 1);
    expect(unread).toBeLessThan(WIRE.streamBytes + 3 * ITEM);
    const wide = await ahead(1, 200);
    expect(wide).toBeGreaterThan(WIRE.widestBytes - 3 * ITEM);
    expect(wide).toBeLessThan(WIRE.widestBytes + 3 * ITEM);
    const others = [await ahead(2, 200), await ahead(3, 200), await ahead(4, 200)];
    const most = (one: number) => one - WIRE.streamBytes - 3 * ITEM;
    expect(others.reduce((sum, one) => sum + Math.max(0, most(one)), most(wide))).toBeLessThanOrEqual(WIRE.aheadBytes);
    for (const at of [1, 2]) await readers[at]!.return?.();
    for (let n = 0; n < 50; n++) await turn();
    expect(await ahead(5, 200)).toBeGreaterThan(WIRE.widestBytes - 3 * ITEM);
  });

  it("that its consumer ends early is ended at its source, with its cleanup", async () => {
    const { promise: cleaned, resolve } = Promise.withResolvers<void>();
    const produce = async function* (): AsyncGenerator<number> {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        resolve();
      }
    };
    const { left, right } = pair({}, { stream: () => produce() });
    for await (const one of left.open("x", {})) if (one === 3) break;
    await cleaned;
    await expect.poll(() => [left.inFlight, right.inFlight]).toEqual([0, 0]);
  });

  it("that its consumer aborts fails there and is told at its source", async () => {
    const { promise: told, resolve } = Promise.withResolvers<void>();
    const { left } = pair(
      {},
      {
        stream: async function* (_m, _p, _meta, signal) {
          signal.addEventListener("abort", () => resolve());
          yield 1;
          await new Promise(() => {});
        },
      },
    );
    const stop = new AbortController();
    const items = left.open("x", {}, {}, stop.signal)[Symbol.asyncIterator]();
    await items.next();
    const next = codeOf(items.next());
    stop.abort();
    expect(await next).toBe("PLINTH_ABORTED");
    expect((await items.next()).done).toBe(true);
    await told;
  });

  it("that fails gives its items first, then its error, once", async () => {
    const { left } = pair(
      {},
      {
        stream: async function* () {
          yield 1;
          throw new PlinthError("PLINTH_NO", "no more");
        },
      },
    );
    const items = left.open("x", {})[Symbol.asyncIterator]();
    await turn();
    expect((await items.next()).value).toBe(1);
    expect(await codeOf(items.next() as Promise<unknown>)).toBe("PLINTH_NO");
    expect((await items.next()).done).toBe(true);
  });

  it("that yields what is not JSON fails, and its source is ended", async () => {
    const { promise: cleaned, resolve } = Promise.withResolvers<void>();
    const produce = async function* (): AsyncGenerator<unknown> {
      try {
        yield 1;
        for (;;) yield 5n;
      } finally {
        resolve();
      }
    };
    const { left, right } = pair({}, { stream: () => produce() });
    const items: unknown[] = [];
    const follow = async (): Promise<void> => {
      for await (const one of left.open("x", {})) items.push(one);
    };
    expect(await codeOf(follow())).toBe("PLINTH_PAYLOAD");
    await cleaned;
    expect(items).toEqual([1]);
    await expect.poll(() => right.inFlight).toBe(0);
  });

  it("beyond its credit is a breach of the protocol", async () => {
    const { left, rightEnd } = pair({}, { stream: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }) });
    const next = left.open("x", {})[Symbol.asyncIterator]();
    await turn();
    rightEnd.write(encodeFrame(Array.from({ length: WIRE.streamCredits + 1 }, () => '["next",1,0]')));
    expect((await left.closed).code).toBe("PLINTH_PROTOCOL");
    for (let n = 0; n < WIRE.streamCredits; n++) expect((await next.next()).value).toBe(0);
    expect(await codeOf(next.next() as Promise<unknown>)).toBe("PLINTH_PROTOCOL");
  });
});
