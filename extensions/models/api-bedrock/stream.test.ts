import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorInfo, type FetchResponse, type ModelEvent } from "@plinth/sdk";
import { Exchange } from "@plinth/sdk/kits/model-api";
import { answerContent, bedrockEvent, random } from "@plinth/sdk/testing";
import { beforeAll, describe, expect, it } from "vitest";

import { ConverseReader } from "./converse-reader.ts";
import { EventFrames } from "./event-frames.ts";

type Event = [type: string, payload: Record<string, any>];

/** The recorded stream's events, and its bytes. */
let said: Event[];
let recorded: Uint8Array;
beforeAll(async () => {
  recorded = Buffer.from(await readFile(join(import.meta.dirname, "recorded.eventstream.b64"), "utf8"), "base64");
  said = new EventFrames("Bedrock").push(recorded).map((event) => {
    const feed = event.indexOf("\n");
    return [event.slice(0, feed), JSON.parse(event.slice(feed + 1))];
  });
});

/** What one stream gives, and the code of the error that it ends with. */
async function read(...chunks: Uint8Array[]): Promise<{ events: ModelEvent[]; code?: string }> {
  const head = { status: 200, ok: true, headers: { "content-type": "application/vnd.amazon.eventstream" } };
  const response = { ...head, body: pieces(chunks) } as unknown as FetchResponse;
  const exchange = new Exchange({ fetch: () => Promise.resolve(response), title: "Bedrock", signal: new AbortController().signal });
  const events: ModelEvent[] = [];
  try {
    const reader = new ConverseReader("Bedrock", "bedrock", new Map());
    for await (const event of exchange.answer(response, reader, { parser: new EventFrames("Bedrock") })) events.push(event);
    return { events };
  } catch (error) {
    return { events, code: errorInfo(error).code };
  }
}

async function* pieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("a recorded stream", () => {
  it("is read as it was said", async () => {
    const { events } = await read(recorded);
    expect(answerContent(events)).toEqual([
      {
        type: "reasoning",
        text: "Où est-il? Roll 🎲",
        opaque: {
          data: { vendor: "bedrock", block: { reasoningContent: { reasoningText: { text: "Où est-il? Roll 🎲", signature: "EqQBCgIYAhIM1gbc" } } } },
        },
      },
      { type: "text", text: "I roll a die: 🎲" },
      { type: "tool-call", id: "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q", name: "dice", args: { sides: 6, why: "dés" } },
      { type: "tool-call", id: "tooluse_2", name: "coin", args: {} },
    ]);
    expect(events.slice(-2)).toEqual([
      { type: "usage", usage: { inputTokens: 430, outputTokens: 52, cacheReadTokens: 400, cacheWriteTokens: 0 } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("is the same wherever it is cut in two, and byte by byte", async () => {
    const whole = await read(recorded);
    for (let at = 1; at < recorded.length; at++) expect(await read(recorded.subarray(0, at), recorded.subarray(at))).toEqual(whole);
    expect(await read(...Array.from(recorded, (_, at) => recorded.subarray(at, at + 1)))).toEqual(whole);
  });

  it("with any byte changed is refused, after what was said before it", async () => {
    const whole = (await read(recorded)).events;
    for (let at = 0; at < recorded.length; at++) {
      const changed = Uint8Array.from(recorded);
      changed[at]! ^= 0x55;
      const { events, code } = await read(changed);
      expect([at, code]).toEqual([at, "PLINTH_MODEL_STREAM"]);
      expect(events).toEqual(whole.slice(0, events.length));
    }
  });
});

describe("damaged streams", () => {
  function damaged(pick: (below: number) => number): Uint8Array {
    const events = said.map(([type, payload]) => ({ type, payload: structuredClone(payload), kind: "event" as "event" | "exception" }));
    for (let n = 1 + pick(3); n > 0 && events.length > 0; n--) {
      const [at, other] = [pick(events.length), pick(events.length)];
      const kind = pick(7);
      if (kind === 0) events.splice(at, 1);
      else if (kind === 1) events.splice(at, 0, structuredClone(events[other]!));
      else if (kind === 2) [events[at], events[other]] = [events[other]!, events[at]!];
      else if (kind === 3) events[at]!.payload.contentBlockIndex = pick(5);
      else if (kind === 4) events[at]!.payload = { [["delta", "start", "usage", "stopReason"][pick(4)]!]: [null, 7, {}, "odd"][pick(4)] };
      else if (kind === 5) events[at]!.type = ["later", "contentBlockStop", "metadata"][pick(3)]!;
      else events.splice(at, 0, { type: "internalServerException", payload: { message: "no" }, kind: "exception" });
    }
    const bytes = Buffer.concat(events.map(({ type, payload, kind }) => bedrockEvent(type, payload, kind)));
    const way = pick(6);
    if (way === 0 && bytes.length > 0) bytes[pick(bytes.length)]! ^= 1 + pick(255);
    return way === 1 ? bytes.subarray(0, pick(bytes.length + 1)) : bytes;
  }

  it("give one end or one coded error each, and never half a call", { timeout: 120_000 }, async () => {
    const codes = new Map<string, number>();
    for (let seed = 1; seed <= 3_000; seed++) {
      const pick = random(seed * 2_654_435_761);
      const bytes = damaged(pick);
      const at = pick(bytes.length + 1);
      const { events, code } = await read(bytes.subarray(0, at), bytes.subarray(at));
      const ends = events.filter(({ type }) => type === "end").length;
      expect([seed, ends]).toEqual([seed, code === undefined ? 1 : 0]);
      if (code === undefined) expect(events.at(-1)?.type).toBe("end");
      else expect(code).toMatch(/^PLINTH_MODEL_/);
      codes.set(code ?? "end", (codes.get(code ?? "end") ?? 0) + 1);
      const made = events.flatMap((event) => (event.type === "tool-call" ? [event.call] : []));
      expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
      // A piece that is missing makes no other call of it: what is told are the whole arguments, or none.
      for (const { args } of made) expect([seed, [{}, { sides: 6, why: "dés" }]]).toEqual([seed, expect.arrayContaining([args])]);
    }
    expect(codes.get("end")).toBeGreaterThan(300);
    expect([...codes.keys()]).toEqual(expect.arrayContaining(["PLINTH_MODEL_SERVER", "PLINTH_MODEL_STREAM"]));
  });
});
