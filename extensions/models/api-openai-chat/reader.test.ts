import { describe, expect, it } from "vitest";
import { chunk, readText } from "./opened.testing.ts";

const DONE = "data: [DONE]\n\n";
const calls = (...list: object[]) => chunk({ tool_calls: list });
const fn = (name: string, args?: unknown) => ({ function: { name, ...(args === undefined ? {} : { arguments: args }) } });
const callsIn = (stream: string) =>
  readText(`${stream}${chunk({}, "tool_calls")}${DONE}`).events.flatMap((event) =>
    event.type === "tool-call" ? [[event.call.name, event.call.args]] : [],
  );
const said = (stream: string, options = {}) => {
  const { events, error } = readText(stream, options);
  const joined = (type: string) => events.map((event) => (event.type === type && "delta" in event ? (event.delta ?? "") : "")).join("");
  return { text: joined("text"), thought: joined("reasoning"), end: events.at(-1), events, error };
};

describe("calls", () => {
  it.each<[string, string]>([
    [
      "two at one index, each with its own id",
      calls({ index: 0, id: "1", ...fn("read", '{"p":"a"}') }) + calls({ index: 0, id: "2", ...fn("read", '{"p":"b"}') }),
    ],
    ["two at one index without ids", calls({ index: 0, ...fn("read", '{"p":"a"}') }) + calls({ index: 0, ...fn("read", '{"p":"b"}') })],
    ["two side by side with neither index nor id", calls(fn("read", '{"p":"a"}'), fn("read", '{"p":"b"}'))],
    ["two with ids and no index", calls({ id: "1", ...fn("read", '{"p":"a"}') }) + calls({ id: "2", ...fn("read", '{"p":"b"}') })],
    [
      "two by index, their pieces mixed",
      calls({ index: 0, id: "1", ...fn("read", "") }, { index: 1, id: "2", ...fn("read", '{"p"') }) +
        calls({ index: 1, function: { arguments: ':"b"}' } }) +
        calls({ index: 0, function: { arguments: '{"p":"a"}' } }),
    ],
    [
      "two whose name and id come with every piece",
      calls({ index: 0, id: "1", ...fn("read", '{"p":') }) +
        calls({ index: 0, id: "1", ...fn("read", '"a"}') }) +
        calls({ index: 1, id: "2", ...fn("read", '{"p":') }) +
        calls({ index: 1, id: "2", ...fn("read", '"b"}') }),
    ],
    [
      "two where every piece has an id of its own",
      calls({ index: 0, id: "1", ...fn("read", '{"p":') }) +
        calls({ index: 0, id: "9", ...fn("read", '"a"}') }) +
        calls({ index: 1, id: "2", ...fn("read", '{"p":"b"}') }),
    ],
    ["two whose arguments are objects", calls({ index: 0, ...fn("read", { p: "a" }) }, { index: 1, ...fn("read", { p: "b" }) })],
    [
      "two whose arguments are encoded twice",
      calls({ index: 0, ...fn("read", '"{\\"p\\":\\"a\\"}"') }, { index: 1, ...fn("read", JSON.stringify('{"p":"b"}')) }),
    ],
  ])("%s", (_, stream) => {
    expect(callsIn(stream)).toEqual([
      ["read", { p: "a" }],
      ["read", { p: "b" }],
    ]);
  });

  it("have no arguments where there is nothing, null, or an empty text", () => {
    for (const args of [undefined, "", "null", null, '""', "{}", " "])
      expect(callsIn(calls({ index: 0, id: "1", ...fn("now", args) }))).toEqual([["now", {}]]);
  });

  it("of the time before tools are calls", () => {
    const legacy = chunk({ function_call: { name: "read", arguments: '{"p":' } }) + chunk({ function_call: { arguments: '"a"}' } });
    const { events } = readText(`${legacy}${chunk({}, "function_call")}`);
    expect(events).toMatchObject([
      { call: { id: expect.stringMatching(/^call_/), name: "read", args: { p: "a" } } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("that cannot be read fail with what the model can be told, after those that can", () => {
    for (const args of ['{"p": "."', "[1]", "7", '"x"']) {
      const { events, error } = readText(
        calls({ index: 0, id: "1", ...fn("read", "{}") }, { index: 1, id: "2", ...fn("list", args) }) + chunk({}, "tool_calls"),
      );
      expect(events).toMatchObject([{ type: "tool-call", call: { id: "1" } }]);
      expect(error).toMatchObject({ code: "PLINTH_MODEL_STREAM", details: { retryable: true, call: { id: "2", name: "list", arguments: args } } });
    }
    // A model that was cut never made the call.
    expect(readText(calls({ index: 0, id: "1", ...fn("read", '{"p":') }) + chunk({}, "length")).events).toEqual([{ type: "end", reason: "length" }]);
    expect(readText(calls({ index: 0, ...fn("", "{}") }) + chunk({}, "tool_calls")).error).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(readText(chunk({}, "tool_calls")).error.message).toContain("called none");
    expect(readText(chunk({ content: "x" }) + chunk({}, "tool_calls")).events.at(-1)).toEqual({ type: "end", reason: "stop" });
  });

  it("keep what the server wants back, and have ids of their own", () => {
    const signed = calls(
      { index: 0, id: "x", extra_content: { google: { thought_signature: "c2ln" } }, ...fn("a", "{}") },
      { index: 1, id: "x", ...fn("b", "{}") },
    );
    const { events } = readText(signed + chunk({}, "stop"));
    expect(events).toMatchObject([
      { call: { id: "x", opaque: { data: { extra_content: { google: { thought_signature: "c2ln" } } } } } },
      { call: { id: expect.stringMatching(/^call_/) } },
      { type: "end", reason: "tool-calls" },
    ]);
  });
});

describe("an end", () => {
  it.each([
    ["stop", "stop"],
    ["eos", "stop"],
    ["length", "length"],
    ["model_length", "length"],
    ["content_filter", "filter"],
    ["content_filter: hate", "filter"],
    ["sensitive", "filter"],
  ])("of the word %s is %s", (word, reason) => {
    expect(said(chunk({ content: "x" }) + chunk({}, word)).end).toEqual({ type: "end", reason });
  });

  it.each([
    ["error", "SERVER"],
    ["insufficient_system_resource", "OVERLOADED"],
    ["abort", "STREAM"],
    ["malformed_function_call", "STREAM"],
    ["something new", "STREAM"],
  ])("of the word %s is a failure, and what was said before it stays said", (word, kind) => {
    const { text, error } = said(chunk({ content: "half" }) + chunk({}, word) + DONE);
    expect(text).toBe("half");
    expect(error).toMatchObject({ code: `PLINTH_MODEL_${kind}`, message: expect.stringContaining(word), details: { retryable: true } });
  });

  it("is none where the stream just stops, whatever the empty words in it", () => {
    expect(said(chunk({ content: "half" }, "")).error).toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      message: "Acme stopped in the middle of its answer.",
    });
    expect(said(chunk({ content: "whole" }, "") + DONE).end).toEqual({ type: "end", reason: "stop" });
  });

  it.each<[string, string]>([
    ['{"error":{"message":"Overloaded","type":"overloaded_error"}}', "OVERLOADED"],
    ['{"object":"error","message":"boom","type":"InternalServerError","code":500}', "SERVER"],
    ['{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}', "RATE"],
    ['{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"Provider returned error"}}]}', "SERVER"],
    ['{"detail":"Internal error"}', "SERVER"],
    ['{"message":"upstream","code":"server_error"}', "SERVER"],
    ['{"x_groq":{"error":"over capacity"}}', "OVERLOADED"],
  ])("is an error in the middle: %s", (data, kind) => {
    const { text, error } = said(`${chunk({ content: "half" })}event: error\ndata: ${data}\n\n`);
    expect(text).toBe("half");
    expect(error).toMatchObject({ code: `PLINTH_MODEL_${kind}` });
  });

  it("tells a refusal, and a filter in mid-answer", () => {
    expect(readText(chunk({ refusal: "I can" }) + chunk({ refusal: "not." }) + chunk({}, "stop")).events).toEqual([
      { type: "part", part: { type: "refusal", text: "I cannot." } },
      { type: "end", reason: "refusal" },
    ]);
    const azure = `data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n${chunk({ content: "The fir" })}data: {"choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{"violence":{"filtered":true}},"delta":{}}]}\n\n`;
    expect(said(azure)).toMatchObject({ text: "The fir", end: { type: "end", reason: "filter" } });
  });
});

describe("thinking", () => {
  it.each(["reasoning_content", "reasoning"])("in %s is told before what is said, and kept as it came", (field) => {
    const { events } = readText(chunk({ [field]: "I should " }) + chunk({ [field]: "list." }) + chunk({ content: "ok" }) + chunk({}, "stop"));
    expect(events).toEqual([
      { type: "reasoning", delta: "I should " },
      { type: "reasoning", delta: "list." },
      { type: "reasoning", part: { type: "reasoning", text: "I should list.", opaque: { data: { [field]: "I should list." } } } },
      { type: "text", delta: "ok" },
      { type: "end", reason: "stop" },
    ]);
  });

  it("in details is put together from its pieces, with its signature", () => {
    const detail = (more: object) => chunk({ reasoning_details: [{ type: "reasoning.text", index: 0, format: "anthropic-claude-v1", ...more }] });
    const stream = detail({ text: "One " }) + detail({ text: "two." }) + detail({ signature: "c2ln" }) + chunk({ content: "3" }) + chunk({}, "stop");
    expect(said(stream).thought).toBe("One two.");
    expect(said(stream).events.find((event) => event.type === "reasoning" && event.part)).toEqual({
      type: "reasoning",
      part: {
        type: "reasoning",
        text: "One two.",
        opaque: {
          data: { reasoning_details: [{ type: "reasoning.text", index: 0, format: "anthropic-claude-v1", text: "One two.", signature: "c2ln" }] },
        },
      },
    });
    // MiniMax sends all of it each time.
    const cumulative = detail({ text: "I will think of it" }) + detail({ text: "I will think of it, and say so" }) + chunk({}, "stop");
    expect(said(cumulative).thought).toBe("I will think of it, and say so");
  });

  it("in parts of the content is thinking", () => {
    const parts =
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }) + chunk({ content: [{ type: "text", text: "ok" }] });
    expect(said(parts + chunk({}, "stop"))).toMatchObject({ thought: "hm", text: "ok" });
    expect(said(parts + chunk({}, "stop")).events[1]).toMatchObject({ part: { opaque: { data: { content: "hm" } } } });
  });

  it("inline is told apart wherever its tags are cut", () => {
    const text = "<think>\nLet me <b>see</b> </thin k>.\n</think>\n\nIt is 4. Not </think> again.";
    for (let size = 1; size <= text.length; size++) {
      let stream = "";
      for (let at = 0; at < text.length; at += size) stream += chunk({ content: text.slice(at, at + size) });
      const { thought, text: rest, events } = said(stream + chunk({}, "stop"));
      expect([thought.trim(), rest]).toEqual(["Let me <b>see</b> </thin k>.", "It is 4. Not </think> again."]);
      expect(events.some((event) => event.type === "reasoning" && (event.part?.opaque?.data as any)?.think !== undefined)).toBe(true);
    }
    expect(said(chunk({ content: "<thin" }) + chunk({ content: "g> is it" }) + chunk({}, "stop")).text).toBe("<thing> is it");
    expect(said(chunk({ content: "I write <think>x</think>." }) + chunk({}, "stop")).text).toBe("I write <think>x</think>.");
    expect(said(chunk({ content: "  <thi" }) + chunk({}, "stop")).text).toBe("  <thi");
  });

  it("begins without its tag where the template has it, and was the answer where it never ends", () => {
    const options = { thinkTags: true };
    expect(said(chunk({ content: "hm</th" }) + chunk({ content: "ink>\nok" }) + chunk({}, "stop"), options)).toMatchObject({
      thought: "hm",
      text: "ok",
    });
    expect(said(chunk({ content: "just " }) + chunk({ content: "this" }) + chunk({}, "stop"), options).text).toBe("just this");
  });
});

describe("usage", () => {
  const usageIn = (...chunks: object[]) =>
    readText(
      `${chunk({ content: "x" })}${chunk({}, "stop")}${chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("")}${DONE}`,
    ).events.flatMap((event) => (event.type === "usage" ? [event.usage] : []));

  it("is read in each vendor's words, and absent where it is absent", () => {
    expect(
      usageIn({
        choices: [],
        usage: {
          prompt_tokens: 9,
          completion_tokens: 4,
          prompt_tokens_details: { cached_tokens: 5 },
          completion_tokens_details: { reasoning_tokens: 3 },
        },
      }),
    ).toEqual([{ inputTokens: 9, outputTokens: 4, cacheReadTokens: 5, reasoningTokens: 3 }]);
    expect(usageIn({ choices: [], x_groq: { id: "r", usage: { prompt_tokens: 9, completion_tokens: 4 } } })).toEqual([
      { inputTokens: 9, outputTokens: 4 },
    ]);
    expect(usageIn({ choices: [{ index: 0, delta: {}, usage: { prompt_tokens: 9, completion_tokens: 4, cached_tokens: 2 } }] })).toEqual([
      { inputTokens: 9, outputTokens: 4, cacheReadTokens: 2 },
    ]);
    expect(usageIn({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 4, prompt_cache_hit_tokens: 8 } })).toMatchObject([
      { cacheReadTokens: 8 },
    ]);
    expect(usageIn({ choices: [], usage: { prompt_tokens: 9, total_tokens: 13 } })).toEqual([{ inputTokens: 9, outputTokens: 4 }]);
    // xAI counts thinking beside what is said.
    expect(
      usageIn({
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 20, completion_tokens_details: { reasoning_tokens: 7 } },
      }),
    ).toEqual([{ inputTokens: 9, outputTokens: 11, reasoningTokens: 7 }]);
    expect(usageIn({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.25 } })).toMatchObject([{ cost: 0.25 }]);
    expect(usageIn({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, cost: { total_cost: 0.5 } } })).toMatchObject([{ cost: 0.5 }]);
    expect([usageIn(), usageIn({ choices: [], usage: null }), usageIn({ choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } })]).toEqual([
      [],
      [],
      [],
    ]);
  });
});

describe("what else an answer holds", () => {
  it("are sources and images, and text whose characters are cut", () => {
    const cited = { type: "url_citation", url_citation: { url: "https://a.example", title: "A", start_index: 0, end_index: 2 } };
    const drawn = { image_url: { url: "data:image/png;base64,AAAA" } };
    const { events } = readText(
      chunk({ content: "hi \ud83d" }) + chunk({ content: "\ude00", annotations: [cited], images: [drawn] }) + chunk({ content: "\ud83d" }, "stop"),
    );
    expect(events).toMatchObject([
      { type: "text", delta: "hi " },
      { type: "text", delta: "\ud83d\ude00" },
      { type: "part", part: { type: "citation", url: "https://a.example", start: 0, end: 2 } },
      { type: "part", part: { type: "image", mimeType: "image/png", base64: "AAAA" } },
      { type: "text", delta: "\ufffd" },
      { type: "end", reason: "stop" },
    ]);
  });
});
