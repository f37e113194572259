import type { ModelEndpoint, ModelEvent, ModelMessage, ModelRequest } from "@plinth/sdk";
import { type ModelServer, openaiResponsesServer, type ScriptedAnswer } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, collect, dice, messageOf, type Opened, opened } from "./api.testing.ts";

let [server, host]: [ModelServer, Opened] = [] as never;
beforeAll(async () => {
  server = await openaiResponsesServer({ models: ["a", "b"] });
  host = await opened(`${server.url}/v1`);
});
afterAll(() => host.host.close().then(server.close));

const text = (value: string) => ({ type: "text" as const, text: value });
const user = (...content: ModelMessage["content"]): ModelMessage => ({ role: "user", content });

/** What is sent for a request, and what came back. */
async function sent(request: Partial<ModelRequest>, more: Partial<ModelEndpoint> = {}, ...answers: ScriptedAnswer[]) {
  server.script(...answers);
  const items: ModelEvent[] = await collect(host.api.stream({ endpoint: { ...host.endpoint, ...more }, request: ask("hi", request) }));
  const { path, headers, body } = server.requests.at(-1)!;
  return { path, headers, body, items };
}

describe("a request", () => {
  it("has every field in the server's words", async () => {
    const { path, headers, body } = await sent({
      system: [text("One."), text("Two.")],
      tools: [dice, { ...dice, name: "b", strict: true }],
      toolChoice: { name: "game.dice" },
      parallelTools: false,
      serverTools: [{ id: "web-search", options: { search_context_size: "low" } }, { id: "code-execution" }],
      output: { schema: { type: "object" }, name: "answer", strict: true },
      maxOutputTokens: 99,
      temperature: 0.5,
      topP: 0.5,
      thinking: { effort: "low" },
      cacheKey: `${"x".repeat(60)}session`,
      metadata: { a: "b" },
      vendor: { lumen: { service_tier: "flex", text: { verbosity: "low" } }, other: { service_tier: "no" } },
    });
    expect([path, headers.authorization, headers.accept]).toEqual(["/v1/responses", "Bearer k", "text/event-stream"]);
    expect(body).toEqual({
      model: "model-1",
      instructions: "One.\n\nTwo.",
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
      tools: [
        { type: "function", name: "game_dice", description: "Rolls a die.", parameters: dice.input, strict: false },
        { type: "function", name: "b", description: "Rolls a die.", parameters: dice.input, strict: true },
        { type: "web_search", search_context_size: "low" },
        { type: "code_interpreter", container: { type: "auto" } },
      ],
      tool_choice: { type: "function", name: "game_dice" },
      parallel_tool_calls: false,
      text: { format: { type: "json_schema", name: "answer", schema: { type: "object" }, strict: true }, verbosity: "low" },
      max_output_tokens: 99,
      temperature: 0.5,
      top_p: 0.5,
      reasoning: { effort: "low", summary: "auto" },
      prompt_cache_key: `${"x".repeat(57)}session`,
      metadata: { a: "b" },
      service_tier: "flex",
      include: ["reasoning.encrypted_content"],
      store: false,
      stream: true,
    });
    expect((await sent({ output: "json", toolChoice: "none" })).body).toMatchObject({ text: { format: { type: "json_object" } } });
  });

  it("has pictures, sound and files, and names what cannot be sent", async () => {
    const { body, items } = await sent({
      onUnsupported: "drop",
      messages: [
        user(
          { type: "image", mimeType: "image/png", base64: "AAAA" },
          { type: "image", mimeType: "image/png", url: "https://a.example/i.png" },
          { type: "audio", mimeType: "audio/mpeg", base64: "BBBB" },
          { type: "file", mimeType: "application/pdf", base64: "CCCC", name: "a.pdf" },
          { type: "file", mimeType: "application/pdf", url: "https://a.example/b.pdf" },
          { type: "video", mimeType: "video/mp4", base64: "DDDD", name: "v.mp4" },
        ),
      ],
    });
    expect(body.input[0].content).toEqual([
      { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AAAA" },
      { type: "input_image", detail: "auto", image_url: "https://a.example/i.png" },
      { type: "input_audio", input_audio: { data: "BBBB", format: "mp3" } },
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,CCCC" },
      { type: "input_file", file_url: "https://a.example/b.pdf" },
      { type: "input_text", text: "[video v.mp4, video/mp4, 1 KiB] cannot be sent over this connection." },
    ]);
    expect(items[0]).toMatchObject({ type: "warning", param: "messages" });
  });

  it("thinks as it is told, as far as is known of the model", async () => {
    const known = (thinking: object | undefined, more: object = {}) => ({ models: [{ id: "model-1", ...(thinking ? { thinking } : {}), ...more }] });
    expect((await sent({})).body.reasoning).toBeUndefined();
    expect((await sent({}, known({}))).body.reasoning).toEqual({ summary: "auto" });
    expect((await sent({ thinking: "off" })).body.reasoning).toEqual({ effort: "none" });
    expect((await sent({ thinking: "off" }, { quirks: { offEffort: "minimal" } })).body.reasoning).toEqual({ effort: "minimal" });
    expect((await sent({ thinking: { effort: "high" } }, { quirks: { summary: "none" } })).body.reasoning).toEqual({ effort: "high" });
    await expect(sent({ thinking: "off" }, known({ always: true }))).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
    await expect(sent({ thinking: { budgetTokens: 5 } })).rejects.toMatchObject({ details: { param: "thinking" } });
    await expect(sent({ temperature: 1 }, known(undefined, { sampling: false }))).rejects.toMatchObject({ details: { param: "temperature" } });
  });

  it("marks where a prompt stays the same, for a model that takes marks", async () => {
    const request = { system: [{ ...text("One."), cache: true }], messages: [user({ ...text("hi"), cache: true })] };
    const mark = { prompt_cache_breakpoint: { mode: "explicit" } };
    const { body } = await sent(request, { models: [{ id: "model-1", cache: "marked" }] });
    expect(body.input).toEqual([
      { type: "message", role: "developer", content: [{ type: "input_text", text: "One.", ...mark }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi", ...mark }] },
    ]);
    expect(JSON.stringify((await sent(request)).body)).not.toContain("breakpoint");
  });
});

describe("what the model made goes back", () => {
  const scripted: ScriptedAnswer = {
    say: [
      { reasoning: "Hm.", opaque: "gAAA" },
      { text: "I roll." },
      { call: { id: "call_1", name: "game_dice", args: '{"sides": 6}' } },
      { call: { id: "call_2", name: "game_dice", args: {} } },
    ],
  };
  const result = (callId: string, ...content: any[]) => ({ type: "tool-result" as const, callId, name: "game.dice", content });
  const back = async (
    change: (content: any[]) => any[] = (content) => content,
    request: Partial<ModelRequest> = {},
    more: Partial<ModelEndpoint> = {},
  ) => {
    const { items } = await sent({ tools: [dice] }, {}, scripted);
    const message = { role: "assistant" as const, content: change(messageOf(items).content) };
    const messages = [user(text("hi")), message, { role: "tool" as const, content: [result("call_1", text("4")), result("call_2", text("5"))] }];
    return (await sent({ tools: [dice], messages, ...request }, more)).body.input as any[];
  };

  it("unchanged: thinking with what is encrypted, words, and calls as they were written", async () => {
    const number = server.requests.length + 1;
    expect(await back()).toEqual([
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
      { type: "reasoning", id: `rs_${number}x0`, summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" },
      {
        type: "message",
        role: "assistant",
        status: "completed",
        id: `msg_${number}x1`,
        content: [{ type: "output_text", text: "I roll.", annotations: [] }],
      },
      { type: "function_call", id: `fc_${number}x2`, call_id: "call_1", name: "game_dice", arguments: '{"sides": 6}' },
      { type: "function_call", id: `fc_${number}x3`, call_id: "call_2", name: "game_dice", arguments: "{}" },
      { type: "function_call_output", call_id: "call_1", output: "4" },
      { type: "function_call_output", call_id: "call_2", output: "5" },
    ]);
  });

  it("with its own ids of calls, where ours are others", async () => {
    const renamed = await back((content) => content.map((part) => (part.id === "call_1" ? { ...part, id: "ours" } : part)));
    expect(renamed.map(({ call_id }) => call_id).filter(Boolean)).toEqual(["call_1", "call_2", "call_1", "call_2"]);
  });

  it("to nobody else: another vendor or model has the words and the calls only", async () => {
    for (const [request, more] of [
      [{ model: "b" }, {}],
      [{}, { vendor: "other" }],
    ] as const) {
      const input = await back(undefined, request, more);
      expect(input.map(({ type }) => type)).toEqual([
        "message",
        "message",
        "function_call",
        "function_call",
        ...Array(2).fill("function_call_output"),
      ]);
      expect(JSON.stringify(input)).not.toMatch(/gAAA|"id"|sides": /);
    }
  });

  it("without ids where its thinking is gone, or where the server wants none", async () => {
    const input = await back((content) => content.filter(({ type }) => type !== "reasoning"));
    expect(input.filter(({ id }) => id !== undefined)).toEqual([]);
    const [, thought, ...rest] = await back(undefined, {}, { quirks: { noItemIds: true } });
    expect(thought).toEqual({ type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" });
    expect(rest.filter(({ id }) => id !== undefined)).toEqual([]);
    const plain = await back(undefined, {}, { quirks: { noEncryptedReasoning: true } });
    expect(plain.some(({ type }) => type === "reasoning")).toBe(false);
  });

  it("as it is now where its arguments were changed", async () => {
    const changed = await back((content) => content.map((part) => (part.id === "call_1" ? { ...part, args: { sides: 8 } } : part)));
    expect(changed.find(({ call_id }) => call_id === "call_1").arguments).toBe('{"sides":8}');
  });

  it("but not thinking that nothing follows, as in an answer that was cut", async () => {
    const { items } = await sent({}, {}, { say: [{ reasoning: "Hm.", opaque: "gAAA" }] });
    const { body } = await sent({ messages: [user(text("hi")), messageOf(items), user(text("and?"))] });
    expect(body.input.map(({ type }: any) => type)).toEqual(["message", "message"]);
  });

  it("the server's own items and pictures as well", async () => {
    const searched = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } };
    const picture = { type: "image_generation_call", id: "ig_1", status: "completed", result: "iVBORw0KGgo=" };
    const events = [searched, picture].map(
      (item, output_index) => `data: ${JSON.stringify({ type: "response.output_item.done", output_index, item })}\n\n`,
    );
    const { items } = await sent({}, {}, { say: [{ raw: events.join("") }, { text: "There." }] });
    const { body } = await sent({ messages: [user(text("hi")), messageOf(items)] });
    expect(body.input.slice(1, 3)).toEqual([searched, picture]);
    const kept = messageOf(items).content.map((part) =>
      part.type === "image" ? { ...part, base64: undefined, artifact: "x", name: "a.png" } : part,
    );
    const later = await sent({ messages: [user(text("hi")), { role: "assistant", content: JSON.parse(JSON.stringify(kept)) }] });
    expect(later.body.input[2].content[0].text).toBe("[image a.png, image/png]");
  });

  it("with what tools answered: failures told, pictures where the server takes them", async () => {
    const content = [{ type: "tool-call" as const, id: "c", name: "game.dice", args: {} }];
    const picture = { type: "image" as const, mimeType: "image/png", base64: "AAAA", name: "a.png" };
    const answer = { ...result("c", text("See"), picture), isError: true };
    const messages = [user(text("hi")), { role: "assistant" as const, content }, { role: "tool" as const, content: [answer] }];
    expect((await sent({ messages })).body.input[2].output).toEqual([
      { type: "input_text", text: "The call failed: " },
      { type: "input_text", text: "See" },
      { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AAAA" },
    ]);
    const texts = await sent({ messages, onUnsupported: "drop" }, { quirks: { textResults: true } });
    expect(texts.body.input[2].output).toBe(
      "The call failed: See\n[image a.png, image/png, 1 KiB] is shown to the person; this connection cannot send it to the model.",
    );
  });
});

describe("a vendor's server that differs", () => {
  it("is asked at its path, with its query, roles and own fields (Azure)", async () => {
    const quirks = {
      path: "/openai/responses",
      query: { "api-version": "2025-04-01-preview" },
      systemRole: "developer",
      extraBody: { truncation: "auto" },
    };
    const { path, body } = await sent({ system: [text("Be kind.")] }, { quirks });
    expect(path).toBe("/v1/openai/responses?api-version=2025-04-01-preview");
    expect(body).toMatchObject({
      truncation: "auto",
      input: [{ role: "developer", content: [{ type: "input_text", text: "Be kind." }] }, { role: "user" }],
    });
    expect(body.instructions).toBeUndefined();
  });

  it("has instructions, and without what it refuses (the backend of Codex)", async () => {
    const quirks = { instructions: "You are a coding agent.", leaveOut: ["max_output_tokens", "prompt_cache_key"] };
    const { body, items } = await sent({ cacheKey: "s", maxOutputTokens: 5, onUnsupported: "drop" }, { quirks });
    expect(body).toMatchObject({ instructions: "You are a coding agent.", store: false });
    expect([body.max_output_tokens, body.prompt_cache_key]).toEqual([undefined, undefined]);
    expect(items.filter(({ type }) => type === "warning")).toMatchObject([{ param: "maxOutputTokens" }]);
    await expect(sent({ maxOutputTokens: 5 }, { quirks })).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNSUPPORTED",
      details: { param: "maxOutputTokens" },
    });
    expect((await sent({ system: [text("Be kind.")] }, { quirks })).body.instructions).toBe("Be kind.");
  });

  it("has tools of its own, or none", async () => {
    const serverTools = [{ id: "web-search" }];
    const { body } = await sent({ serverTools }, { quirks: { serverTools: { "web-search": "web_search_preview" } } });
    expect(body.tools).toEqual([{ type: "web_search_preview" }]);
    await expect(sent({ serverTools }, { quirks: { serverTools: {} } })).rejects.toMatchObject({ details: { param: "serverTools" } });
  });

  it("that gives no encrypted thinking is not asked for it twice", async () => {
    const endpoint = { baseUrl: `${server.url}/old` };
    const message = "Encrypted content is not supported with this model.";
    const before = server.requests.length;
    await sent(
      {},
      endpoint,
      { refuse: { status: 400, body: { error: { message, type: "invalid_request_error", param: "include" } } } },
      { say: [{ text: "Hi." }] },
    );
    await sent({}, endpoint);
    expect(server.requests.slice(before).map(({ body }) => body.include)).toEqual([["reasoning.encrypted_content"], undefined, undefined]);
    const refusal = { refuse: { status: 400, body: { error: { message: "Unknown parameter: 'foo'." } } } };
    await expect(sent({}, { baseUrl: `${server.url}/new` }, refusal)).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
  });
});

describe("beside completions", () => {
  it("models are listed, and tokens are counted", async () => {
    expect(await host.api.models({ endpoint: host.endpoint })).toEqual({ models: [{ id: "a" }, { id: "b" }] });
    const { inputTokens } = await host.api.countTokens({ endpoint: host.endpoint, request: ask("hi", { tools: [dice], maxOutputTokens: 5 }) });
    expect(inputTokens).toBeGreaterThan(10);
    const { path, body } = server.requests.at(-1)!;
    expect([path, Object.keys(body)]).toEqual(["/v1/responses/input_tokens", ["model", "input", "tools"]]);
    const nowhere = { ...host.endpoint, quirks: { path: "/elsewhere" } };
    await expect(host.api.countTokens({ endpoint: nowhere, request: ask("hi") })).rejects.toMatchObject({ code: "PLINTH_UNSUPPORTED" });
  });

  it("a refusal says what to do", async () => {
    const refuse = { status: 429, body: { error: { message: "Rate limit reached", code: "rate_limit_exceeded" } }, headers: { "retry-after": "3" } };
    await expect(sent({}, {}, { refuse })).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE", details: { retryAfterMs: 3_000, retryable: true } });
  });

  it("an answer that is cut or not a stream", async () => {
    await expect(sent({}, {}, { say: [{ text: "Once upon a time" }], cut: 900 })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    const { items } = await sent({}, {}, { say: [{ text: "Zipped." }], gzip: true, pieces: 7 });
    expect(items.at(-1)).toEqual({ type: "end", reason: "stop" });
  });
});
