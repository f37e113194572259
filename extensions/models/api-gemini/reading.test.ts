import { readFileSync } from "node:fs";
import { isPlinthError, type ModelEvent } from "@plinth/sdk";
import { EventStreamParser } from "@plinth/sdk/kits/model-api";
import { describe, expect, it } from "vitest";
import { GeminiReader } from "./answer-reader.ts";
import { messageOf, plain } from "./api.testing.ts";

const recorded = readFileSync(new URL("./recorded.sse", import.meta.url), "utf8");
const events = recorded.split("\r\n\r\n").filter(Boolean);

/** What the reader makes of some bytes, in pieces. */
function read(...pieces: (string | Uint8Array)[]): ModelEvent[] {
  const [parser, out] = [new EventStreamParser(), [] as ModelEvent[]];
  const reader = new GeminiReader("Lumen", { vendor: "lumen", model: "m", toolNames: new Map([["game_dice", "game.dice"]]) });
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    for (const data of parser.push(bytes)) reader.take(data, out);
  }
  out.push(...reader.finish());
  return out;
}

const stream = (...list: object[]) => list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
const chunk = (parts: object[], more: object = {}) => ({ candidates: [{ content: { role: "model", parts }, index: 0, ...more }] });
const ended = (finishReason = "STOP", more: object = {}) => chunk([], { finishReason, ...more });
const failed = (...list: object[]) => {
  try {
    return expect.fail(JSON.stringify(read(stream(...list))));
  } catch (error) {
    return error;
  }
};

describe("a recorded answer", () => {
  it("is told in order: thinking, text, code that the server ran, calls with and without ids, sources", () => {
    expect(plain(read(recorded))).toEqual([
      { type: "reasoning", delta: "**Looking it up**\n\nThe weather in Zürich " },
      { type: "reasoning", delta: "first." },
      { type: "reasoning", part: { type: "reasoning", text: "**Looking it up**\n\nThe weather in Zürich first." } },
      { type: "text", delta: "It rains in Zürich ☔" },
      { type: "text", delta: " today. " },
      { type: "part", part: { type: "text", text: "It rains in Zürich ☔ today. " } },
      { type: "part", part: { type: "opaque" } },
      { type: "part", part: { type: "opaque" } },
      { type: "part", part: { type: "opaque" } },
      { type: "text", delta: "I look for a coat." },
      { type: "part", part: { type: "text", text: "I look for a coat." } },
      { type: "tool-call", call: { type: "tool-call", id: "(made)", name: "find_item", args: { name: "coat", colour: "blå" } } },
      { type: "tool-call", call: { type: "tool-call", id: "fc_77", name: "game.dice", args: { sides: 20 } } },
      ...[
        { url: "https://example.org/zurich", title: "example.org", quote: "It rains in Zürich ☔", start: 0, end: 20 },
        { url: "https://example.net/rain", title: "example.net", quote: "It rains in Zürich ☔", start: 0, end: 20 },
        { url: "https://example.net/rain", title: "example.net", quote: "I look for a coat.", start: 28, end: 46 },
      ].map((source) => ({ type: "part", part: { type: "citation", ...source } })),
      {
        type: "usage",
        usage: {
          inputTokens: 842,
          outputTokens: 107,
          cacheReadTokens: 512,
          reasoningTokens: 64,
          serverTools: { "code-execution": 1, "web-search": 1 },
        },
      },
      { type: "end", reason: "tool-calls" },
    ]);
    const said = messageOf(read(recorded))
      .content.flatMap(({ type, text }) => (type === "text" ? [text] : []))
      .join("");
    expect([said.slice(0, 20), said.slice(28, 46)]).toEqual(["It rains in Zürich ☔", "I look for a coat."]);
  });

  it("is the same wherever its bytes are cut", () => {
    const same = (items: ModelEvent[]) => JSON.stringify(items).replace(/call_[0-9a-f-]{36}/g, "(made)");
    const [bytes, whole] = [new TextEncoder().encode(recorded), same(read(recorded))];
    for (let at = 1; at < bytes.length; at++) {
      if (same(read(bytes.subarray(0, at), bytes.subarray(at))) !== whole) expect.fail(`cut at byte ${at} it is another answer`);
    }
  });

  it("that is cut after any event is a coded error", () => {
    for (let count = 0; count < events.length; count++) {
      expect(() =>
        read(
          events
            .slice(0, count)
            .map((one) => `${one}\n\n`)
            .join(""),
        ),
      ).toThrow(/stopped in the middle/);
    }
  });
});

describe("a damaged answer", () => {
  /** xorshift32 */
  const random = (seed: number) => () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32;
  };

  it("has one end or is one coded error, and never half a call (3,000 seeded)", () => {
    const whole = new Set(read(recorded).flatMap((one) => (one.type === "tool-call" ? JSON.stringify(one.call.args) : [])));
    let [good, refused] = [0, 0];
    for (let seed = 1; seed <= 3_000; seed++) {
      const next = random(seed * 2_654_435_761);
      const at = (length: number) => Math.floor(next() * length);
      const list = [...events];
      const bytes = seed % 3 === 0;
      for (let changes = 1 + at(3); !bytes && changes > 0; changes--) {
        const one = at(list.length);
        const change = at(4);
        if (change === 0) list.splice(one, 1 + at(3));
        else if (change === 1) list.splice(at(list.length), 0, list[one] ?? "");
        else if (change === 2) list.push(...list.splice(one, 1));
        else list[one] = (list[one] ?? "").slice(0, at(list[one]?.length ?? 0));
      }
      let text: string | Uint8Array = list.map((one) => `${one}\r\n\r\n`).join("");
      if (bytes) {
        text = new TextEncoder().encode(text);
        for (let flips = 1 + at(4); flips > 0; flips--) text[at(text.length)] = at(256);
      }
      try {
        const items = read(text);
        expect(items.filter(({ type }) => type === "end").length).toBe(1);
        expect(items.at(-1)?.type).toBe("end");
        const calls = items.flatMap((one) => (one.type === "tool-call" ? [one.call] : []));
        expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
        if (!bytes) for (const { args } of calls) expect(whole).toContain(JSON.stringify(args));
        good++;
      } catch (error) {
        if (!isPlinthError(error)) throw new Error(`seed ${seed}`, { cause: error });
        expect(error.code).toMatch(/^PLINTH_MODEL_/);
        refused++;
      }
    }
    expect(Math.min(good, refused)).toBeGreaterThan(100);
  });
});

describe("an answer", () => {
  it("ends well for reasons that are known, which are told apart; every other is a failure", () => {
    const end = (reason: string) => read(stream(chunk([{ text: "x" }]), ended(reason))).slice(1);
    expect(end("STOP")).toEqual([{ type: "end", reason: "stop" }]);
    expect(end("MAX_TOKENS")).toEqual([{ type: "end", reason: "length" }]);
    for (const reason of ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY", "IMAGE_RECITATION"]) {
      expect(end(reason)).toEqual([
        { type: "warning", code: "PLINTH_MODEL_FILTER", message: `Lumen withheld the rest of its answer: ${reason}.` },
        { type: "end", reason: "filter" },
      ]);
    }
    for (const reason of ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER", "NO_IMAGE", "A_LATER_ONE"]) {
      expect(failed(chunk([{ text: "x" }]), ended(reason, { finishMessage: "Malformed: print(" }))).toMatchObject({
        code: "PLINTH_MODEL_STREAM",
        message: `Lumen did not finish its answer: ${reason}: Malformed: print(.`,
        details: { finishReason: reason, retryable: true },
      });
    }
  });

  it("that is refused or fails says why", () => {
    expect(failed({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 3 } })).toMatchObject({
      code: "PLINTH_MODEL_FILTER",
      message: "Lumen refused the request: PROHIBITED_CONTENT.",
      details: { blockReason: "PROHIBITED_CONTENT", retryable: false },
    });
    expect(failed(chunk([{ text: "x" }]), { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } })).toMatchObject({
      code: "PLINTH_MODEL_OVERLOADED",
    });
    expect(failed({ choices: [] })).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("is one list where the server does not stream events, and may be wrapped by a proxy", () => {
    const reader = new GeminiReader("Lumen", { vendor: "lumen", model: "m", toolNames: new Map() });
    const out: ModelEvent[] = [];
    reader.take(JSON.stringify([chunk([{ text: "a" }]), { response: chunk([{ text: "b" }], { finishReason: "STOP" }) }]), out);
    expect([...out, ...reader.finish()]).toEqual([
      { type: "text", delta: "a" },
      { type: "text", delta: "b" },
      { type: "end", reason: "stop" },
    ]);
  });

  it("has calls with ids of their own, also where the server repeats one, and reads arguments that are missing", () => {
    const call = (more: object) => ({ functionCall: { name: "game_dice", ...more } });
    const calls = read(stream(chunk([call({ id: "a" }), call({ id: "a", args: null })]), ended())).flatMap((one) =>
      one.type === "tool-call" ? [one.call] : [],
    );
    expect(calls.map(({ args, opaque }) => [args, (opaque!.data as any).part])).toEqual([
      [{}, { id: "a" }],
      [{}, { id: "a" }],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(failed(chunk([call({ name: "" })]))).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(failed(chunk([call({ partialArgs: [], willContinue: true })]))).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("has a call where the text of its arguments is sent, and says which call cannot be read", () => {
    const call = (args: unknown) => ({ functionCall: { id: "a", name: "game_dice", args } });
    expect(read(stream(chunk([call('{"sides":6}')]), ended()))[0]).toMatchObject({ call: { args: { sides: 6 } } });
    expect(failed(chunk([call('{"sides":')]), ended())).toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      details: { call: { id: "a", name: "game.dice", arguments: '{"sides":' } },
    });
  });

  it("has no halves of characters, wherever a server cuts them", () => {
    const items = read(
      stream(chunk([{ text: "a\ud83d" }]), chunk([{ text: "\ude00b" }]), chunk([{ text: "\ud83d", thoughtSignature: "c2ln" }]), ended()),
    );
    expect(plain(items).slice(0, 4)).toEqual([
      { type: "text", delta: "a" },
      { type: "text", delta: "\u{1f600}b" },
      { type: "part", part: { type: "text", text: "a\u{1f600}b" } },
      { type: "text", delta: "\ufffd" },
    ]);
  });

  it("has pictures and sound, with what goes back", () => {
    const items = read(stream(chunk([{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" }, thoughtSignature: "c2ln" }]), ended()));
    expect(items[0]).toEqual({
      type: "part",
      part: {
        type: "image",
        mimeType: "image/png",
        base64: "iVBORw0KGgo=",
        opaque: { data: { vendor: "lumen", model: "m", part: { thoughtSignature: "c2ln" } } },
      },
    });
    expect(read(stream(chunk([{ inlineData: { mimeType: "audio/wav", data: "UklG" } }]), ended()))[0]).toMatchObject({ part: { type: "audio" } });
  });

  it("names what it recited, and says nothing of what it used where the server does not", () => {
    const citationMetadata = { citationSources: [{ startIndex: 1, endIndex: 5, uri: "https://a.example/", license: "mit" }] };
    expect(read(stream(chunk([{ text: "words" }], { citationMetadata, finishReason: "STOP" })))).toEqual([
      { type: "text", delta: "words" },
      { type: "part", part: { type: "citation", url: "https://a.example/", start: 1, end: 5 } },
      { type: "end", reason: "stop" },
    ]);
  });
});
