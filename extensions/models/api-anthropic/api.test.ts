import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ModelInfo, toolCallsOf } from "@plinth/sdk";
import { answerContent } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { all, endpointAt, request, type Subject, subject, user } from "./anthropic.testing.ts";

let one: Subject;
beforeEach(async () => {
  one = await subject();
});
afterEach(() => one.close());

const tools = [{ name: "home.dice", description: "Rolls.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const body = () => one.server.requests.at(-1)!.body;
const failed = (attempt: Promise<unknown>) =>
  attempt.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );

describe("an answer", () => {
  it("is told as it comes: thoughts, text, calls, usage, one end", async () => {
    one.server.script({
      say: [
        { reasoning: "hm", opaque: "sig==" },
        { text: "I roll " },
        { text: "twice." },
        { call: { id: "toolu_1", name: "home_dice", args: { sides: 6 } } },
        { call: { id: "toolu_2", name: "home_dice", args: {} } },
      ],
      usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 30, reasoningTokens: 5 },
    });
    const events = await one.ask({ tools });
    expect(events.map(({ type }) => type)).toEqual([
      ...["reasoning", "reasoning", "text", "text", "tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call"],
      ...["tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call", "usage", "end"],
    ]);
    expect(answerContent(events)).toEqual([
      { type: "reasoning", text: "hm", opaque: { data: { vendor: "lumen", block: { type: "thinking", thinking: "hm", signature: "sig==" } } } },
      { type: "text", text: "I roll twice." },
      { type: "tool-call", id: "toolu_1", name: "home.dice", args: { sides: 6 } },
      { type: "tool-call", id: "toolu_2", name: "home.dice", args: {} },
    ]);
    expect(events.at(-2)).toEqual({
      type: "usage",
      usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 30, reasoningTokens: 5 },
    });
    expect(events.at(-1)).toEqual({ type: "end", reason: "tool-calls" });
  });

  it("goes back with its thoughts as they came, to the vendor that made them only", async () => {
    const search = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "weather" } };
    const found = { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [{ type: "web_search_result", encrypted_content: "E" }] };
    one.server.script({
      say: [
        { reasoning: "a  thought \n", opaque: "sig" },
        { reasoning: "", opaque: { type: "redacted_thinking", data: "SECRET" } },
        { reasoning: "", opaque: search },
        { reasoning: "", opaque: found },
        { call: { id: "toolu_1", name: "home_dice", args: { sides: 6 } } },
      ],
    });
    const content = answerContent(await one.ask({ tools, serverTools: [{ id: "web-search", options: { max_uses: 2 } }] }));
    expect(body().tools).toEqual([
      { name: "home_dice", description: "Rolls.", input_schema: tools[0]!.input },
      { type: "web_search_20250305", name: "web_search", max_uses: 2 },
    ]);
    expect(content.map(({ type }) => type)).toEqual(["reasoning", "reasoning", "opaque", "opaque", "tool-call"]);
    expect(content[1]).toMatchObject({ redacted: true });
    const answered = [
      user("roll"),
      { role: "assistant" as const, content },
      {
        role: "tool" as const,
        content: [{ type: "tool-result" as const, callId: "toolu_1", name: "home.dice", content: [{ type: "text" as const, text: "4" }] }],
      },
    ];
    one.server.script({ say: [{ text: "4" }] });
    await one.ask({ tools, messages: answered });
    expect(body().messages[1].content).toEqual([
      { type: "thinking", thinking: "a  thought \n", signature: "sig" },
      { type: "redacted_thinking", data: "SECRET" },
      search,
      found,
      { type: "tool_use", id: "toolu_1", name: "home_dice", input: { sides: 6 } },
    ]);
    await one.ask({ tools, messages: answered }, { vendor: "other" });
    expect(body().messages[1].content).toEqual([{ type: "tool_use", id: "toolu_1", name: "home_dice", input: { sides: 6 } }]);
  });

  it("has its sources, with their place in the text, and takes them back", async () => {
    const event = (type: string, fields: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
    const citation = { type: "web_search_result_location", url: "https://a.example/x", title: "A", cited_text: "so", encrypted_index: "Eo8" };
    const block = (index: number, text: string, ...citations: object[]) =>
      event("content_block_start", { index, content_block: { type: "text", text: "", citations: null } }) +
      event("content_block_delta", { index, delta: { type: "text_delta", text } }) +
      citations.map((one) => event("content_block_delta", { index, delta: { type: "citations_delta", citation: one } })).join("") +
      event("content_block_stop", { index });
    one.server.script({ say: [{ raw: block(0, "They say ") + block(1, "it is so", citation) + block(2, ".") }] });
    const content = answerContent(await one.ask());
    expect(content).toEqual([
      { type: "text", text: "They say " },
      { type: "text", text: "it is so", opaque: { data: { vendor: "lumen", citations: [citation] } } },
      { type: "citation", url: "https://a.example/x", title: "A", quote: "so", start: 9, end: 17 },
      { type: "text", text: "." },
    ]);
    one.server.script({ say: [{ text: "yes" }] });
    await one.ask({ messages: [user("so?"), { role: "assistant", content }, user("sure?")] });
    expect(body().messages[1].content).toEqual([
      { type: "text", text: "They say " },
      { type: "text", text: "it is so", citations: [citation] },
      { type: "text", text: "." },
    ]);
  });

  it.each([
    ["stop", "stop"],
    ["raw:stop_sequence", "stop"],
    ["length", "length"],
    ["raw:model_context_window_exceeded", "length"],
    ["refusal", "refusal"],
    ["pause", "pause"],
  ])("that ends with %s says %s", async (end, reason) => {
    one.server.script({ say: [{ text: "so" }], end });
    const events = await one.ask();
    expect(events.at(-1)).toEqual({ type: "end", reason });
    expect(events.some((event) => event.type === "warning" && event.code === "PLINTH_MODEL_CONTEXT")).toBe(end.includes("context_window"));
  });

  it("says why it was refused, and never runs a call that was cut", async () => {
    one.server.script({ say: [{ text: "No. " }, { refusal: "It could do harm." }], end: "refusal" });
    expect(answerContent(await one.ask()).at(-1)).toEqual({ type: "refusal", text: "It could do harm." });
    one.server.script({
      say: [{ call: { name: "home_dice", args: '{"sides":6}' } }, { call: { name: "home_dice", args: '{"sides":' } }],
      end: "length",
    });
    const events = await one.ask({ tools });
    expect(toolCallsOf(answerContent(events)).map(({ args }) => args)).toEqual([{ sides: 6 }]);
    expect(events.at(-1)).toEqual({ type: "end", reason: "length" });
  });

  it.each([
    ['"{\\"sides\\":6}"', { sides: 6 }],
    ["null", {}],
    ["", {}],
    [" ", {}],
  ])("whose arguments are %j is read", async (args, expected) => {
    one.server.script({ say: [{ call: { name: "home_dice", args } }] });
    expect(toolCallsOf(answerContent(await one.ask({ tools })))[0]!.args).toEqual(expected);
  });

  it("holds no half of a character, whether its other half comes or not", async () => {
    const delta = (index: number, text: string) =>
      `data: ${JSON.stringify({ type: "content_block_delta", index, delta: { type: "text_delta", text } })}\n\n`;
    one.server.script({ say: [{ raw: delta(0, "a\ud83c") + delta(0, "\udfb2b\ud83c") }] });
    const events = await one.ask();
    expect(answerContent(events)).toEqual([{ type: "text", text: "a🎲b\ufffd" }]);
    for (const event of events) if (event.type === "text") expect(event.delta.isWellFormed()).toBe(true);
  });

  it("tells two calls at one index or of one id apart", async () => {
    const start = (id: string, input: object) =>
      `data: ${JSON.stringify({ type: "content_block_start", index: 0, content_block: { type: "tool_use", id, name: "home_dice", input } })}\n\n`;
    one.server.script({ say: [{ raw: start("a", { sides: 1 }) + start("a", { sides: 2 }) + start("", { sides: 3 }) }], end: "tool-calls" });
    const calls = toolCallsOf(answerContent(await one.ask({ tools })));
    expect(calls.map(({ args }) => args)).toEqual([{ sides: 1 }, { sides: 2 }, { sides: 3 }]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
  });

  it("that the server does not stream is read whole", async () => {
    const whole = {
      type: "message",
      content: [
        { type: "thinking", thinking: "hm", signature: "s" },
        { type: "text", text: "It is 4." },
      ],
      stop_reason: "end_turn",
      usage: { input_tokens: 3, output_tokens: 4 },
    };
    const server = createServer((_, response) => response.setHeader("content-type", "application/json").end(JSON.stringify(whole)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const events = await one.ask({}, endpointAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    server.close();
    expect(answerContent(events)).toMatchObject([
      { type: "reasoning", text: "hm" },
      { type: "text", text: "It is 4." },
    ]);
    expect(events.slice(-2)).toEqual([
      { type: "usage", usage: { inputTokens: 3, outputTokens: 4 } },
      { type: "end", reason: "stop" },
    ]);
  });
});

describe("a failure", () => {
  it.each([
    [401, "authentication_error", "invalid x-api-key", "PLINTH_MODEL_AUTH"],
    [402, "billing_error", "pay", "PLINTH_MODEL_BILLING"],
    [403, "permission_error", "not yours", "PLINTH_MODEL_AUTH"],
    [404, "not_found_error", "model: claude-none", "PLINTH_MODEL_UNKNOWN"],
    [429, "rate_limit_error", "This request would exceed your rate limit", "PLINTH_MODEL_RATE"],
    [400, "invalid_request_error", "prompt is too long: 209999 tokens > 200000 maximum", "PLINTH_MODEL_CONTEXT"],
    [400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", "PLINTH_MODEL_CONTEXT"],
    [400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "PLINTH_MODEL_BILLING"],
    [400, "invalid_request_error", "max_tokens: Field required", "PLINTH_MODEL_REQUEST"],
    [413, "request_too_large", "Request exceeds the maximum size", "PLINTH_MODEL_REQUEST"],
    [500, "api_error", "Internal server error", "PLINTH_MODEL_SERVER"],
    [504, "timeout_error", "Timed out", "PLINTH_MODEL_SERVER"],
    [529, "overloaded_error", "Overloaded", "PLINTH_MODEL_OVERLOADED"],
  ])("of %i %s %j is %s", async (status, type, message, code) => {
    one.server.script({ refuse: { status, body: { type: "error", error: { type, message } }, headers: { "request-id": "req_1" } } });
    expect(await failed(one.ask())).toMatchObject({ code, details: { status, requestId: "req_1" } });
  });

  it("says when to ask again: by Retry-After, else by the limit that is used up", async () => {
    const error = { type: "error", error: { type: "rate_limit_error", message: "slow" } };
    const reset = new Date(Date.now() + 90_000).toISOString();
    const limits = {
      "anthropic-ratelimit-requests-remaining": "3",
      "anthropic-ratelimit-requests-reset": new Date(Date.now() + 3_000_000).toISOString(),
      "anthropic-ratelimit-tokens-remaining": "0",
      "anthropic-ratelimit-tokens-reset": reset,
    };
    one.server.script(
      { refuse: { status: 429, body: error, headers: { "retry-after": "7", ...limits } } },
      { refuse: { status: 429, body: error, headers: limits } },
    );
    expect((await failed(one.ask())).details.retryAfterMs).toBe(7_000);
    const waiting = (await failed(one.ask())).details.retryAfterMs;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThanOrEqual(90_000);
  });

  it("in mid-stream is told after what was said", async () => {
    one.server.script({
      say: [{ text: "so " }, { raw: 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n' }],
    });
    const said: string[] = [];
    const error = await failed(
      (async () => {
        for await (const event of one.api.stream({ endpoint: one.endpoint, request: request() })) said.push(event.type);
      })(),
    );
    expect(said).toEqual(["text"]);
    expect(error).toMatchObject({ code: "PLINTH_MODEL_OVERLOADED", details: { retryable: true } });
  });

  it.each([
    ["a cut connection", { say: [{ text: "so" }], cut: 300 }],
    ["an end that is not told", { say: [{ text: "so" }], end: "none" }],
    ["an end that is not known", { say: [{ text: "so" }], end: "raw:tired" }],
    ["calls that are not made", { say: [{ text: "so" }], end: "tool-calls" }],
    ["arguments that are not JSON", { say: [{ call: { name: "x", args: "{sides" } }] }],
    ["something that is not JSON", { say: [{ raw: "data: {\n\n" }] }],
  ])("by %s is one of the stream", async (_, answer) => {
    one.server.script(answer);
    expect((await failed(one.ask())).code).toBe("PLINTH_MODEL_STREAM");
  });

  it("by arguments that are not JSON has the call, so that the model can be told", async () => {
    one.server.script({ say: [{ call: { id: "toolu_9", name: "home_dice", args: '{"sides": 6' } }], end: "tool-calls" });
    const { details } = await failed(one.ask({ tools }));
    expect(details.call).toEqual({ id: "toolu_9", name: "home.dice", arguments: '{"sides": 6' });
  });

  it("by a server that is not there is one of the network", async () => {
    expect((await failed(one.ask({}, endpointAt("http://127.0.0.1:9")))).code).toBe("PLINTH_MODEL_NETWORK");
  });
});

describe("models", () => {
  it("are listed over all pages", async () => {
    const models = ["a", "b", "c", "d", "e"];
    const other = await subject({ models, page: 2 });
    const { models: listed } = await other.api.models({ endpoint: other.endpoint });
    expect(listed.map(({ id, title }) => [id, title])).toEqual(models.map((id) => [id, id.toUpperCase()]));
    expect(other.server.requests.map(({ path }) => path)).toEqual([
      "/v1/models?limit=1000",
      "/v1/models?limit=1000&after_id=b",
      "/v1/models?limit=1000&after_id=d",
    ]);
    await other.close();
  });

  it("of a server without a list are the catalogue's", async () => {
    const models: ModelInfo[] = [{ id: "x" }, { id: "y", contextTokens: 5 }];
    expect(await one.api.models({ endpoint: { ...one.endpoint, models, quirks: { noModels: true } } })).toEqual({ models });
    expect(one.server.requests).toEqual([]);
  });
});

describe("tokens", () => {
  it("are counted by the server, or it is said that it does not count", async () => {
    expect(await one.api.countTokens({ endpoint: one.endpoint, request: request({ tools, temperature: 0.5 }) })).toEqual({
      inputTokens: expect.any(Number),
    });
    expect(one.server.requests.at(-1)).toMatchObject({
      path: "/v1/messages/count_tokens",
      body: { model: "claude-test", tools: [{ name: "home_dice" }] },
    });
    expect(Object.keys(body()).sort()).toEqual(["messages", "model", "tools"]);
    const endpoint = { ...one.endpoint, quirks: { noCount: true } };
    expect((await failed(one.api.countTokens({ endpoint, request: request() }))).code).toBe("PLINTH_UNSUPPORTED");
  });
});

describe("a variant of the protocol", () => {
  it("has the model in the path and the version in the body", async () => {
    const quirks = { path: "/models/{model}:streamRawPredict", version: "vertex-2023-10-16", betas: ["context-1m-2025-08-07"] };
    const headers = { Authorization: "Bearer x", "Anthropic-Beta": "oauth-2025-04-20" };
    await one.ask({ vendor: { lumen: { betas: ["files-api-2025-04-14"], service_tier: "auto" } } }, { quirks, headers });
    const sent = one.server.requests.at(-1)!;
    expect(sent.path).toBe("/v1/models/claude-test:streamRawPredict");
    expect(sent.body).toMatchObject({ anthropic_version: "vertex-2023-10-16", service_tier: "auto" });
    expect(sent.body.model).toBeUndefined();
    expect(sent.body.betas).toBeUndefined();
    expect(sent.headers["anthropic-version"]).toBeUndefined();
    expect(sent.headers["anthropic-beta"]).toBe("oauth-2025-04-20,context-1m-2025-08-07,files-api-2025-04-14");
    expect(sent.headers.authorization).toBe("Bearer x");
    await one.ask();
    expect(one.server.requests.at(-1)!.headers).toMatchObject({ "anthropic-version": "2023-06-01", "x-api-key": "k" });
  });

  it("ends its request when the caller leaves", async () => {
    one.server.script({ say: [{ text: "a long story" }], stall: 420 });
    const leaving = new AbortController();
    const stream = one.api.stream({ endpoint: one.endpoint, request: request() }, { signal: leaving.signal });
    const attempt = failed(all(stream));
    await expect.poll(() => one.server.requests.length).toBe(1);
    leaving.abort();
    expect((await attempt).code).not.toMatch(/^PLINTH_MODEL_/);
    await expect.poll(() => one.server.left()).toBe(1);
  });
});
