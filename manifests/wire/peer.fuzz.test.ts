import { type Duplex, duplexPair } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlinthError } from "./error.ts";
import { encodeFrame } from "./frames.ts";
import { type Handler, Peer } from "./peer.ts";
import type { WireMessage } from "./protocol.ts";
import type { Receiver, Transport } from "./transport.ts";

/** Beyond every id that the host gives in a run. */
const NEVER_GIVEN = 1_000_000;
const STRIKES = 8;

const escaped: unknown[] = [];
const onEscape = (thrown: unknown): void => void escaped.push(thrown);
beforeEach(() => {
  process.on("unhandledRejection", onEscape);
  process.on("uncaughtException", onEscape);
});
afterEach(() => {
  process.off("unhandledRejection", onEscape);
  process.off("uncaughtException", onEscape);
  expect(escaped.splice(0)).toEqual([]);
});

const over = (): PlinthError => new PlinthError("PLINTH_TEST_OVER", "The test is over.");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A guest that is fully owned: whatever it likes to send arrives. It reads nothing. */
class Owned implements Transport {
  readonly full = false;
  unsent = 0;
  sent = 0;
  broken = false;
  #receiver: Receiver | null = null;
  send(batch: readonly string[]): void {
    this.sent += batch.length;
  }
  bytes(text: string): number {
    return Buffer.byteLength(text);
  }
  async drained(): Promise<void> {}
  listen(receiver: Receiver): void {
    this.#receiver = receiver;
  }
  close(): void {
    this.#receiver = null;
  }
  /** As every transport does. */
  receive(batch: WireMessage[]): void {
    const receiver = this.#receiver;
    try {
      receiver?.messages(batch, JSON.stringify(batch).length);
    } catch (thrown) {
      this.broken = true;
      receiver?.broke((thrown as Error).message);
    }
  }
}

const NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "known", "endless", "log", ""];

function serve(): { peer: Peer; guest: Owned; asked: Set<string> } {
  const asked = new Set<string>();
  const handler: Handler = {
    call(method, _params, _meta, signal) {
      asked.add(method);
      if (method !== "known") throw new TypeError("there is no such request");
      return new Promise((resolve) => (signal.aborted ? resolve(0) : signal.addEventListener("abort", () => resolve(1))));
    },
    async *stream(method, _params, _meta, signal) {
      asked.add(method);
      if (method !== "endless") throw new TypeError("there is no such stream");
      for (let n = 0; n < 200 && !signal.aborted; n++) yield "x".repeat(1_000);
    },
    note: (method) => method === "log",
  };
  const guest = new Owned();
  return { peer: new Peer(guest, "acme.owned", handler, () => {}), guest, asked };
}

const id = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(NEVER_GIVEN, Number.MAX_SAFE_INTEGER));
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant("x".repeat(20_000)), fc.constant(JSON.parse('{"__proto__":{"polluted":true}}')));
const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.tuple(fc.constant("call" as const), id, fc.constantFrom(...NAMES), value, fc.record({ stream: fc.boolean(), work: fc.constantFrom("", "w") })),
  fc.tuple(fc.constant("ok" as const), id, value),
  fc.tuple(fc.constant("err" as const), id, fc.constant({ code: "PLINTH_STOPPING", message: "forged" })),
  fc.tuple(fc.constant("next" as const), id, value),
  fc.tuple(fc.constant("end" as const), id),
  fc.tuple(fc.constant("credit" as const), id, fc.integer({ min: 1, max: 65_536 })),
  fc.tuple(fc.constant("cancel" as const), id),
  fc.tuple(fc.constant("note" as const), fc.constantFrom(...NAMES), value),
);
type Step = { send: WireMessage[] } | { host: "call" | "abort" | "open" | "take" | "return" | "turn" };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ send: fc.array(message, { maxLength: 6 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      host: fc.constantFrom("call" as const, "abort" as const, "open" as const, "take" as const, "return" as const, "turn" as const),
    }),
  },
);

describe("a host's peer, whatever a guest that is fully owned sends", () => {
  it("lets nothing out, keeps nothing after the end, and settles everything that waited", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { peer, guest, asked } = serve();
        const waits: Promise<unknown>[] = [];
        const aborts: AbortController[] = [];
        const streams: AsyncIterator<unknown>[] = [];
        /** One at a time, as `for await` does. */
        let taking = false;
        const settled = (promise: Promise<unknown>): void => void waits.push(promise.catch((thrown: PlinthError) => thrown.code));
        for (const one of steps) {
          if ("send" in one) guest.receive(one.send);
          else if (one.host === "call") {
            const abort = new AbortController();
            aborts.push(abort);
            settled(peer.call("x", {}, {}, abort.signal));
          } else if (one.host === "abort") aborts.shift()?.abort();
          else if (one.host === "open" && !guest.broken) streams.push(peer.open("x", {})[Symbol.asyncIterator]());
          else if (one.host === "take" && streams[0] !== undefined && !taking) {
            taking = true;
            settled(streams[0].next().finally(() => (taking = false)));
          } else if (one.host === "return") settled(Promise.resolve(streams.shift()?.return?.()));
          else await turn();
        }
        peer.close(over());
        const codes = await Promise.all(waits);
        await turn();
        expect(codes).toHaveLength(waits.length);
        expect([peer.inFlight, peer.heldBytes]).toEqual([0, 0]);
        expect([...asked].filter((name) => !NAMES.includes(name))).toEqual([]);
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it("ends it for a few messages that name what was never given, and for no fewer", async () => {
    const nonsense = fc.constantFrom<WireMessage>(
      ["ok", NEVER_GIVEN, 1],
      ["err", NEVER_GIVEN, { code: "X", message: "x" }],
      ["next", NEVER_GIVEN, 1],
      ["end", NEVER_GIVEN],
      ["credit", NEVER_GIVEN, 1],
      ["cancel", NEVER_GIVEN],
      ["note", "nothing", 1],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(nonsense, { minLength: 1, maxLength: 2 * STRIKES }), async (messages) => {
        const { peer, guest } = serve();
        for (const one of messages) guest.receive([one]);
        const error = await Promise.race([peer.closed, turn()]);
        expect(error === undefined ? "open" : `${error.code} ${error.extension}`).toBe(
          messages.length < STRIKES ? "open" : "PLINTH_PROTOCOL acme.owned",
        );
        peer.close(error ?? over());
      }),
    );
  });

  it("takes any bytes in any pieces: it goes on or ends by its rules", async () => {
    const frame = fc.array(message, { maxLength: 4 }).map((messages) => encodeFrame(messages.map((one) => JSON.stringify(one))));
    const piece = fc.oneof(
      frame,
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.constant(Buffer.from([0, 0, 0, 2, 0x5b, 0x5d])),
      fc.constant(Buffer.from([255, 255, 255, 255])),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 500 }), async (pieces, cut) => {
        const [hostEnd, guestEnd] = duplexPair() as [Duplex, Duplex];
        guestEnd.on("error", () => {}).resume();
        const { call, stream, note } = { call: () => 1, stream: () => (async function* () {})(), note: () => undefined };
        const peer = new Peer(hostEnd, "acme.owned", { call, stream, note }, () => {});
        const bytes = Buffer.concat(pieces);
        for (let at = 0; at < bytes.length && !guestEnd.destroyed; at += cut) guestEnd.write(bytes.subarray(at, at + cut));
        await turn();
        guestEnd.destroy();
        hostEnd.destroy();
        expect((await peer.closed).code).toMatch(/^PLINTH_(PROTOCOL|EXTENSION_EXITED)$/);
        await turn();
        expect([peer.inFlight, peer.heldBytes]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("what crosses on the wire", () => {
  it("is no breach: answers to cancelled calls, credits and cancels for streams that just ended", async () => {
    const { peer, guest } = serve();
    for (let n = 1; n <= 100; n++) {
      const abort = new AbortController();
      const answer = peer.call("x", {}, {}, abort.signal).catch(() => "aborted");
      abort.abort();
      expect(await answer).toBe("aborted");
      guest.receive([["ok", n, "late"]]);
      guest.receive([["call", 5_000 + n, "nothing", {}, { stream: true }]]);
      await turn();
      guest.receive([
        ["credit", 5_000 + n, 32],
        ["cancel", 5_000 + n],
      ]);
    }
    expect(guest.broken).toBe(false);
    for (let n = 0; n < STRIKES; n++) guest.receive([["ok", 1, "again"]]);
    expect((await peer.closed).message).toContain("a second answer to a call");
  });
});
