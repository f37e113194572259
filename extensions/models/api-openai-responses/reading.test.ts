import { readFileSync } from "node:fs";
import { isPlinthError, type ModelEvent } from "@plinth/sdk";
import { EventStreamParser } from "@plinth/sdk/kits/model-api";
import { describe, expect, it } from "vitest";
import { plain } from "./api.testing.ts";
import { ResponseReader } from "./response-reader.ts";

const recorded = readFileSync(new URL("./recorded.sse", import.meta.url), "utf8");
const events = recorded.split("\n\n").filter(Boolean);
const names = new Map([["game_dice", "game.dice"]]);

/** What the reader makes of some bytes, in pieces. */
function read(...pieces: (string | Uint8Array)[]): ModelEvent[] {
  const [parser, out] = [new EventStreamParser(), [] as ModelEvent[]];
  const reader = new ResponseReader("Lumen", { vendor: "lumen", model: "m", toolNames: names });
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    for (const data of parser.push(bytes)) if (!reader.done) reader.take(data, out);
  }
  out.push(...reader.finish());
  return out;
}

const stream = (...list: object[]) => list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
const item = (output_index: number, fields: object) => ({ type: "response.output_item.done", output_index, item: fields });
const completed = (response: object = {}) => ({ type: "response.completed", response: { status: "completed", output: [], ...response } });
const call = (more: object = {}) => ({
  type: "function_call",
  id: "fc",
  call_id: "c",
  name: "game_dice",
  arguments: "{}",
  status: "completed",
  ...more,
});
const failed = (...list: object[]) => {
  try {
    return expect.fail(JSON.stringify(read(stream(...list))));
  } catch (error) {
    return error;
  }
};

describe("a recorded answer", () => {
  it("is told in order: thinking, the server's own search, text with its source, two calls", () => {
    const items = plain(read(recorded)) as any[];
    expect(items.filter(({ type }) => type !== "tool-call-delta" && type !== "text" && type !== "tool-call-start")).toEqual([
      { type: "reasoning", delta: "**Looking up the weather*" },
      { type: "reasoning", delta: "*\n\nThe user wants Zürich." },
      { type: "reasoning", delta: "\n\n" },
      { type: "reasoning", delta: "**Then packing**\n\n" },
      { type: "reasoning", delta: "Rain needs a coat." },
      {
        type: "reasoning",
        part: { type: "reasoning", text: "**Looking up the weather**\n\nThe user wants Zürich.\n\n**Then packing**\n\nRain needs a coat." },
      },
      { type: "part", part: { type: "opaque" } },
      { type: "part", part: { type: "text", text: "It rains in Zürich ☔ (example.org). I look for a coat." } },
      { type: "part", part: { type: "citation", url: "https://example.org/zurich", title: "Weather", start: 21, end: 34 } },
      { type: "tool-call", call: { type: "tool-call", id: "call_Ab1", name: "find_item", args: { name: "coat", colour: "blå" } } },
      { type: "tool-call", call: { type: "tool-call", id: "call_Ab2", name: "game.dice", args: { sides: 20 } } },
      {
        type: "usage",
        usage: { inputTokens: 1042, outputTokens: 211, cacheReadTokens: 896, reasoningTokens: 128, serverTools: { "web-search": 1 } },
      },
      { type: "end", reason: "tool-calls" },
    ]);
    expect(items.flatMap(({ type, delta }) => (type === "text" ? delta : [])).join("")).toBe(
      "It rains in Zürich ☔ (example.org). I look for a coat.",
    );
    expect(items.flatMap(({ type, id, args }) => (type === "tool-call-delta" && id === "call_Ab1" ? args : [])).join("")).toBe(
      '{"name": "coat", "colour": "blå"}',
    );
  });

  it("is the same wherever its bytes are cut", () => {
    const [bytes, whole] = [new TextEncoder().encode(recorded), JSON.stringify(read(recorded))];
    for (let at = 1; at < bytes.length; at++) {
      if (JSON.stringify(read(bytes.subarray(0, at), bytes.subarray(at))) !== whole) expect.fail(`cut at byte ${at} it is another answer`);
    }
  });

  it("that is cut after any event is a coded error, and no half call was told", () => {
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
    let [ended, refused] = [0, 0];
    for (let seed = 1; seed <= 3_000; seed++) {
      const next = random(seed * 2_654_435_761);
      const at = (length: number) => Math.floor(next() * length);
      const list = [...events];
      const bytes = seed % 3 === 0;
      for (let changes = 1 + at(3); !bytes && changes > 0; changes--) {
        const one = at(list.length);
        const change = at(4);
        if (change === 0) list.splice(one, 1 + at(4));
        else if (change === 1) list.splice(at(list.length), 0, list[one] ?? "");
        else if (change === 2) list.push(...list.splice(one, 1));
        else list[one] = (list[one] ?? "").slice(0, at(list[one]?.length ?? 0));
      }
      let text: string | Uint8Array = list.map((one) => `${one}\n\n`).join("");
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
        ended++;
      } catch (error) {
        if (!isPlinthError(error)) throw new Error(`seed ${seed}`, { cause: error });
        expect(error.code).toMatch(/^PLINTH_MODEL_/);
        refused++;
      }
    }
    expect(Math.min(ended, refused)).toBeGreaterThan(100);
  });
});

describe("an answer", () => {
  it("ends for a reason that is known, or is a failure", () => {
    const incomplete = (reason: string) => ({ type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason } } });
    expect(read(stream(incomplete("max_output_tokens"))).at(-1)).toEqual({ type: "end", reason: "length" });
    expect(read(stream(incomplete("content_filter"))).at(-1)).toEqual({ type: "end", reason: "filter" });
    expect(failed(incomplete("steered"))).toMatchObject({ code: "PLINTH_MODEL_STREAM", message: "Lumen did not finish its answer: steered." });
    expect(failed({ type: "response.cancelled", response: { status: "cancelled" } })).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("that fails says why, by what can be done", () => {
    const fail = (code: string, message = "no") => failed({ type: "response.failed", response: { status: "failed", error: { code, message } } });
    expect(fail("server_error", "An error occurred")).toMatchObject({
      code: "PLINTH_MODEL_SERVER",
      message: "Lumen broke off with an error: An error occurred",
      details: { retryable: true },
    });
    expect(fail("rate_limit_exceeded")).toMatchObject({ code: "PLINTH_MODEL_RATE" });
    expect(fail("context_length_exceeded")).toMatchObject({ code: "PLINTH_MODEL_CONTEXT" });
    expect(fail("bio_policy")).toMatchObject({ code: "PLINTH_MODEL_FILTER" });
    expect(fail("invalid_prompt")).toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(failed({ type: "error", code: "insufficient_quota", message: "You exceeded your current quota", param: null })).toMatchObject({
      code: "PLINTH_MODEL_QUOTA",
    });
    expect(failed({ type: "error", error: { type: "overloaded_error", message: "busy" } })).toMatchObject({ code: "PLINTH_MODEL_OVERLOADED" });
    expect(failed({ error: { message: "x" } })).toMatchObject({ code: "PLINTH_MODEL_SERVER" });
    expect(failed({ choices: [] })).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("has its items in the last event alone, where a server sends no others", () => {
    const output = [{ type: "message", id: "m", content: [{ type: "output_text", text: "Hi" }] }, call({ arguments: '{"a":1}' })];
    expect(plain(read(stream(completed({ output }))))).toEqual([
      { type: "part", part: { type: "text", text: "Hi" } },
      { type: "tool-call", call: { type: "tool-call", id: "c", name: "game.dice", args: { a: 1 } } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("has each item once, also where it comes twice", () => {
    const items = read(stream(item(0, call()), item(0, call()), completed({ output: [call()] })));
    expect(items.filter(({ type }) => type === "tool-call").length).toBe(1);
  });

  it("keeps calls apart that have one place, no place or no id", () => {
    const calls = (...list: object[]) => read(stream(...list, completed())).flatMap((one) => (one.type === "tool-call" ? [one.call] : []));
    expect(calls(item(0, call()), item(0, call({ id: "fd", call_id: "d" }))).map(({ id }) => id)).toEqual(["c", "d"]);
    const delta = (text: string) => ({ type: "response.function_call_arguments.delta", delta: text });
    const added = (more: object) => ({ type: "response.output_item.added", item: { ...call({ arguments: "", id: undefined, ...more }) } });
    expect(
      calls(added({ call_id: "x" }), delta('{"a":'), delta("1}"), added({ call_id: "y" }), delta('{"b":2}')).map(({ id, args }) => [id, args]),
    ).toEqual([
      ["x", { a: 1 }],
      ["y", { b: 2 }],
    ]);
    const nameless = calls(item(0, call({ id: undefined, call_id: undefined })), item(1, call({ id: undefined, call_id: "" })));
    expect(nameless.map(({ id }) => /^call_/.test(id))).toEqual([true, true]);
    expect(new Set(nameless.map(({ id }) => id)).size).toBe(2);
  });

  it("that reached its limit in the middle of a call has the whole ones only", () => {
    const half = { type: "response.output_item.added", output_index: 1, item: call({ id: "fd", call_id: "d", arguments: "" }) };
    const delta = { type: "response.function_call_arguments.delta", output_index: 1, item_id: "fd", delta: '{"a":' };
    const end = {
      type: "response.incomplete",
      response: {
        status: "incomplete",
        incomplete_details: { reason: "max_output_tokens" },
        output: [call(), call({ id: "fd", call_id: "d", arguments: '{"a":', status: "incomplete" })],
      },
    };
    const items = read(stream(item(0, call()), half, delta, end));
    expect(items.flatMap((one) => (one.type === "tool-call" ? one.call.id : []))).toEqual(["c"]);
    expect(items.at(-1)).toEqual({ type: "end", reason: "length" });
  });

  it("has pictures, and what of the server's own tools goes back; what nobody offered is told", () => {
    const picture = { type: "image_generation_call", id: "ig", status: "completed", output_format: "png", result: "iVBORw0KGgo=" };
    const items = read(
      stream(item(0, picture), item(1, { type: "custom_tool_call", id: "ct", call_id: "x", name: "sql", input: "select 1" }), completed()),
    );
    expect(items).toEqual([
      {
        type: "part",
        part: {
          type: "image",
          mimeType: "image/png",
          base64: "iVBORw0KGgo=",
          opaque: {
            data: { vendor: "lumen", model: "m", item: { type: "image_generation_call", id: "ig", status: "completed", output_format: "png" } },
          },
        },
      },
      expect.objectContaining({ type: "warning", param: "tools", message: expect.stringContaining("custom tool") }),
      { type: "end", reason: "stop" },
    ]);
  });

  it("that declines is a refusal, also where only the last event ends it", () => {
    const added = { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m", content: [] } };
    const refusal = { type: "response.refusal.done", output_index: 0, refusal: "I will not." };
    const told = [
      { type: "part", part: { type: "refusal", text: "I will not." } },
      { type: "end", reason: "refusal" },
    ];
    expect(read(stream(added, refusal, completed()))).toEqual(told);
    expect(
      read(stream(added, refusal, item(0, { type: "message", id: "m", content: [{ type: "refusal", refusal: "I will not." }] }), completed())),
    ).toEqual(told);
  });

  it("with arguments that are text within text or null has a call; with others it says which call cannot be read", () => {
    const args = (text: string) =>
      read(stream(item(0, call({ arguments: text })), completed())).flatMap((one) => (one.type === "tool-call" ? [one.call.args] : []));
    expect(args('"{\\"a\\":1}"')).toEqual([{ a: 1 }]);
    expect(args("null")).toEqual([{}]);
    expect(args("")).toEqual([{}]);
    const broken = [
      item(0, call({ arguments: '{"a":' })),
      item(1, call({ id: "fd", call_id: "d" })),
      completed({ usage: { input_tokens: 1, output_tokens: 2 } }),
    ];
    expect(failed(...broken)).toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      details: { retryable: true, call: { id: "c", name: "game.dice", arguments: '{"a":' } },
    });
  });

  it("has no halves of characters, wherever a server cuts them", () => {
    const delta = (text: string) => ({ type: "response.output_text.delta", output_index: 0, delta: text });
    const texts = (...list: object[]): unknown[] =>
      read(stream(...list)).flatMap<unknown>((one) => (one.type === "text" ? [one.delta] : one.type === "part" ? [one.part] : []));
    const message = (text: string) => item(0, { type: "message", content: [{ type: "output_text", text }] });
    expect(texts(delta("a\ud83d"), delta("\ude00b"), completed())).toEqual(["a", "\u{1f600}b"]);
    expect(texts(delta("a\ud83d"), message("a\ud83d"), completed())).toEqual(["a", expect.objectContaining({ text: "a\ufffd" })]);
  });

  it("without usage says nothing of it", () => {
    expect(read(stream(completed())).some(({ type }) => type === "usage")).toBe(false);
  });
});
