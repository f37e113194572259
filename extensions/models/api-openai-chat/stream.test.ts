import { damaged, openaiChatServer, random } from "@plinth/sdk/testing";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { answered, type Reading, read } from "./opened.testing.ts";

/** As OpenAI publishes it, with what other vendors add: comments, thinking, two calls whose pieces mix, usage at the end. */
const RECORDED = [
  ": OPENROUTER PROCESSING\n\n",
  ...[
    { delta: { role: "assistant", content: "" } },
    { delta: { reasoning_content: "Grüße — erst " } },
    { delta: { reasoning_content: "würfeln." } },
    { delta: { content: "Ich würfle " } },
    { delta: { content: "zweimal 🎲." } },
    { delta: { tool_calls: [{ index: 0, id: "call_a", type: "function", function: { name: "dice", arguments: "" } }] } },
    { delta: { tool_calls: [{ index: 0, function: { arguments: '{"sides"' } }] } },
    { delta: { tool_calls: [{ index: 1, id: "call_b", type: "function", function: { name: "say", arguments: '{"text":"' } }] } },
    { delta: { tool_calls: [{ index: 0, function: { arguments: ":6}" } }] } },
    { delta: { tool_calls: [{ index: 1, function: { arguments: 'ä🎲"}' } }] } },
    { delta: {}, finish_reason: "tool_calls" },
  ].map(
    (choice) =>
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, finish_reason: null, ...choice }] })}\r\n\r\n`,
  ),
  `data: ${JSON.stringify({ id: "c", choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } })}\n\n`,
  "data: [DONE]\n\n",
].join("");
const bytes = new TextEncoder().encode(RECORDED);

/** Pieces of one kind joined, because how bytes are cut may show in them. */
function told({ events, error }: Reading): unknown {
  const joined: unknown[] = [];
  let open: { type: string; delta: string } | undefined;
  for (const event of events) {
    if ((event.type === "text" || event.type === "reasoning") && "delta" in event && event.delta !== undefined) {
      if (open?.type === event.type) open.delta += event.delta;
      else joined.push((open = { type: event.type, delta: event.delta }));
      continue;
    }
    open = undefined;
    joined.push(event);
  }
  return { events: joined, error: error?.code };
}

describe("a recorded stream", () => {
  const whole = told(read([bytes]));

  it("is read as it was", () => {
    expect(whole).toMatchObject({
      error: undefined,
      events: [
        { type: "reasoning", delta: "Grüße — erst würfeln." },
        { type: "reasoning", part: { opaque: { data: { reasoning_content: "Grüße — erst würfeln." } } } },
        { type: "text", delta: "Ich würfle zweimal 🎲." },
        { call: { id: "call_a", name: "dice", args: { sides: 6 } } },
        { call: { id: "call_b", name: "say", args: { text: "ä🎲" } } },
        { usage: { inputTokens: 11, outputTokens: 7 } },
        { type: "end", reason: "tool-calls" },
      ],
    });
  });

  it("is the same split at every byte, and byte by byte", () => {
    for (let at = 1; at < bytes.length; at++) expect(told(read([bytes.subarray(0, at), bytes.subarray(at)]))).toEqual(whole);
    expect(told(read([...bytes].map((byte) => Uint8Array.of(byte))))).toEqual(whole);
  });

  it("that is cut at any byte is a coded error or whole, and never half a call", () => {
    let failed = 0;
    const full = (whole as { events: any[] }).events.filter(({ type }) => type === "tool-call");
    for (let at = 0; at < bytes.length; at++) {
      const { events, error } = read([bytes.subarray(0, at)]);
      const ends = events.filter(({ type }) => type === "end").length;
      expect(ends === 1 ? error : error?.code).toBe(ends === 1 ? undefined : "PLINTH_MODEL_STREAM");
      const calls = events.filter(({ type }) => type === "tool-call");
      if (ends === 1) expect(calls).toEqual(full);
      else {
        failed++;
        for (const call of calls) expect(full).toContainEqual(call);
      }
    }
    expect(failed).toBeGreaterThan(bytes.length / 2);
  });
});

it("2,500 damaged streams are each one end, or one coded error, with whole calls only", () => {
  const next = random(20_261_130);
  const seen = { ends: 0, errors: 0 };
  for (let round = 0; round < 2_500; round++) {
    const given = damaged(bytes, next);
    const size = 1 + next(64);
    const pieces = Array.from({ length: Math.ceil(given.length / size) }, (_, at) => given.subarray(at * size, (at + 1) * size));
    const { events, error } = read(pieces);
    const ends = events.filter(({ type }) => type === "end").length;
    const note = `round ${round}: ${JSON.stringify(given.toString())}`;
    if (error === undefined) {
      seen.ends++;
      expect([ends, events.at(-1)?.type], note).toEqual([1, "end"]);
    } else {
      seen.errors++;
      expect([ends, /^PLINTH_MODEL_[A-Z]+$/.test(error.code)], `${note} ${error.stack}`).toEqual([0, true]);
    }
    for (const event of events) {
      if (event.type !== "tool-call") continue;
      const { id, name, args } = event.call;
      expect([id.length > 0, name.length > 0, typeof args === "object" && args !== null && !Array.isArray(args)], note).toEqual([true, true, true]);
    }
  }
  expect(Math.min(seen.ends, seen.errors)).toBeGreaterThan(300);
});

it("the vendor's own client reads the same of the same server", async () => {
  const answer = {
    say: [
      { text: "It is " },
      { text: "warm." },
      { call: { id: "a", name: "dice", args: { sides: 6 } } },
      { call: { id: "b", name: "dice", args: { sides: 20 } } },
    ],
    usage: { inputTokens: 9, outputTokens: 4, cacheReadTokens: 5, reasoningTokens: 3 },
  };
  const server = await openaiChatServer();
  server.script(answer);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
  const theirs = await client.chat.completions
    .stream({ model: "m", messages: [{ role: "user", content: "hi" }], stream_options: { include_usage: true } })
    .finalChatCompletion();
  await server.close();
  const { events } = await answered([answer]);
  const { message, finish_reason } = theirs.choices[0]!;
  expect(events.map((event) => (event.type === "text" ? event.delta : "")).join("")).toBe(message.content);
  expect(events.flatMap((event) => (event.type === "tool-call" ? [[event.call.id, event.call.name, event.call.args]] : []))).toEqual(
    message.tool_calls!.map((one) => (one.type === "function" ? [one.id, one.function.name, JSON.parse(one.function.arguments)] : [])),
  );
  expect(events.find(({ type }) => type === "usage")).toMatchObject({
    usage: {
      inputTokens: theirs.usage!.prompt_tokens,
      outputTokens: theirs.usage!.completion_tokens,
      cacheReadTokens: theirs.usage!.prompt_tokens_details!.cached_tokens,
      reasoningTokens: theirs.usage!.completion_tokens_details!.reasoning_tokens,
    },
  });
  expect([finish_reason, events.at(-1)]).toEqual(["tool_calls", { type: "end", reason: "tool-calls" }]);
});
