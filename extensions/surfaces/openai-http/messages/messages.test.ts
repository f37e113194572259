import Anthropic from "@anthropic-ai/sdk";
import type { Tool } from "@anthropic-ai/sdk/resources/messages";
import type { ModelEvent } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { calls, type Script, says } from "../../../agents/native/scripted.testing.ts";
import { PIXEL, setUp, shown } from "../serving.testing.ts";

const weather: Tool = {
  name: "weather",
  description: "Tells the weather.",
  input_schema: { type: "object", properties: { city: { type: "string" } } },
};
const user = (content: string) => ({ role: "user" as const, content });
const hello = { model: "scripted/m", max_tokens: 100, messages: [user("Hi")] };
const thinks = (text: string, data: unknown, ...rest: ModelEvent[]): ModelEvent[] => [
  { type: "reasoning", delta: text },
  { type: "reasoning", part: { type: "reasoning", text, opaque: { data } } },
  { type: "reasoning", part: { type: "reasoning", redacted: true, opaque: { data: { hidden: data } } } },
  ...rest,
];
const ended = (reason: "length" | "filter" | "refusal", ...deltas: string[]): ModelEvent[] => [
  ...says(...deltas).slice(0, -1),
  { type: "end", reason },
];

describe("Anthropic's Messages API", () => {
  it("answers an agent and a model as a whole, in the form of a message", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("Hel", "lo"));
      expect(await api.anthropic.messages.create({ ...hello, model, system: "Be brief." })).toMatchObject({
        ...{
          id: expect.stringMatching(/^msg_/),
          type: "message",
          role: "assistant",
          model: "scripted/m",
          stop_reason: "end_turn",
          stop_sequence: null,
        },
        content: [{ type: "text", text: "Hello" }],
        usage: { input_tokens: 10, output_tokens: 2 },
      });
      expect(JSON.stringify(api.seen[0].system)).toContain("Be brief.");
      expect(api.seen[0].maxOutputTokens).toBe(100);
    }
  });

  it("streams events in the published order", async () => {
    await using api = await setUp(thinks("Hm.", { a: 1 }, ...says("Hel", "lo").slice(0, 2), ...calls(["b", "weather", { city: "Wien" }])));
    const told: string[] = [];
    for await (const event of await api.anthropic.messages.create({ ...hello, stream: true, tools: [weather] }))
      told.push(
        event.type === "content_block_start" ? event.content_block.type : event.type === "content_block_delta" ? event.delta.type : event.type,
      );
    expect(told).toEqual([
      "message_start",
      ...["thinking", "thinking_delta", "signature_delta", "content_block_stop"],
      ...["redacted_thinking", "content_block_stop"],
      ...["text", "text_delta", "text_delta", "content_block_stop"],
      ...["tool_use", "input_json_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
    const message = await api.anthropic.messages.stream({ ...hello, tools: [weather] }).finalMessage();
    expect(message).toMatchObject({ stop_reason: "tool_use", usage: { input_tokens: 10, output_tokens: 5 } });
    expect(message.content.at(-1)).toMatchObject({ type: "tool_use", id: "b", name: "weather", input: { city: "Wien" } });
  });

  it("hands the client's tools out, takes the results, and gives a model its thoughts back unchanged", async () => {
    for (const stream of [false, true]) {
      for (const model of ["plinth", "scripted/m"]) {
        const data = { vendor: "v", block: { type: "thinking", thinking: "Hm.", signature: "EqQB" } };
        await using api = await setUp(thinks("Hm.", data, ...calls(["b", "weather", { city: "Wien" }])), says("Sunny."));
        const body = { ...hello, model, tools: [weather] };
        const first = stream ? await api.anthropic.messages.stream(body).finalMessage() : await api.anthropic.messages.create(body);
        const answer = { role: "assistant" as const, content: first.content };
        const result = { type: "tool_result" as const, tool_use_id: "b", is_error: true, content: [{ type: "text" as const, text: "Closed." }] };
        const messages = [...body.messages, answer, { role: "user" as const, content: [result, { type: "text" as const, text: "Well?" }] }];
        const second = await api.anthropic.messages.create({ ...body, messages });
        expect(second.content).toMatchObject([{ type: "text", text: "Sunny." }]);
        const told = api.seen[1].messages;
        expect(told.map(({ role }: any) => role)).toEqual(["user", "assistant", "tool", "user"]);
        expect(told[2].content).toMatchObject([{ callId: "b", name: "weather", isError: true, content: [{ text: "Closed." }] }]);
        if (model === "plinth") continue;
        expect(told[1].content).toMatchObject([
          { type: "reasoning", text: "Hm.", opaque: { data } },
          { type: "reasoning", redacted: true, opaque: { data: { hidden: data } } },
          { type: "tool-call", id: "b", args: { city: "Wien" } },
        ]);
      }
    }
  });

  it("reads blocks, cache marks and parameters", async () => {
    await using api = await setUp(says('{"a":1}'));
    const schema = { type: "object", properties: { a: { type: "integer" } } };
    const { response } = await api.anthropic.messages
      .create({
        ...hello,
        ...{ temperature: 0.2, top_p: 0.9, top_k: 5, stop_sequences: ["END"], metadata: { user_id: "ada" } },
        ...{ thinking: { type: "enabled", budget_tokens: 2000 }, tools: [weather], tool_choice: { type: "any", disable_parallel_tool_use: true } },
        output_config: { format: { type: "json_schema", schema } },
        system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
              { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
              { type: "document", title: "a.txt", source: { type: "text", media_type: "text/plain", data: "Words." } },
              { type: "text", text: "Look.", cache_control: { type: "ephemeral" } },
            ],
          },
        ],
      })
      .withResponse();
    expect(response.headers.get("x-plinth-ignored")).toBe("top_k");
    expect(api.seen[0]).toMatchObject({
      ...{ temperature: 0.2, topP: 0.9, stop: ["END"], thinking: { budgetTokens: 2000 }, toolChoice: "required", parallelTools: false },
      output: { schema },
      system: [{ text: "Be brief.", cache: true }],
    });
    expect(api.seen[0].messages[0].content).toMatchObject([
      { type: "image", mimeType: "image/png", base64: PIXEL },
      { type: "image", url: "https://example.com/a.png" },
      { type: "file", mimeType: "text/plain", name: "a.txt", base64: Buffer.from("Words.").toString("base64") },
      { type: "text", text: "Look.", cache: true },
    ]);
  });

  it("tells why an answer ended", async () => {
    for (const [reason, told] of Object.entries({ length: "max_tokens", filter: "refusal", refusal: "refusal" })) {
      await using api = await setUp(ended(reason as "length", "Once upon"));
      expect(await api.anthropic.messages.create(hello)).toMatchObject({ stop_reason: told, content: [{ text: "Once upon" }] });
      expect(await api.anthropic.messages.stream(hello).finalMessage()).toMatchObject({ stop_reason: told });
    }
  });

  it("remembers by a key in the header only", async () => {
    await using api = await setUp(says("ok"));
    const ask = (text: string, headers = {}) => api.anthropic.messages.create({ ...hello, model: "plinth", messages: [user(text)] }, { headers });
    await ask("One", { "x-plinth-session": "s1" });
    await ask("Two", { "x-plinth-session": "s1" });
    expect(shown(api.seen.at(-1))).toEqual(["user: One", "assistant: ok", "user: Two"]);
    await ask("Three");
    expect(shown(api.seen.at(-1))).toEqual(["user: Three"]);
  });

  it("counts tokens, and says where it is an estimate", async () => {
    await using api = await setUp(says("ok"));
    const { data, response } = await api.anthropic.messages
      .countTokens({ model: "scripted/m", messages: [user("Hi"), user("there")], tools: [weather] })
      .withResponse();
    expect(data.input_tokens).toBeGreaterThan(10);
    expect(response.headers.get("x-plinth-estimated")).toBe("true");
    expect(api.seen).toEqual([]);
  });

  it("takes the token as a key or as a bearer, and counts one of them", async () => {
    await using api = await setUp(says("ok"));
    const create = (options: object) => new Anthropic({ baseURL: api.url, maxRetries: 0, apiKey: null, ...options }).messages.create(hello);
    expect((await create({ authToken: api.token })).content).toMatchObject([{ text: "ok" }]);
    expect((await create({ apiKey: api.token })).content).toMatchObject([{ text: "ok" }]);
    const refused = { status: 401, error: { type: "error", error: { type: "authentication_error" } } };
    await expect(create({ apiKey: "wrong" })).rejects.toMatchObject(refused);
    await expect(create({ apiKey: api.token, defaultHeaders: { authorization: "Bearer wrong" } })).rejects.toMatchObject(refused);
    // Only where a route says so: elsewhere it is no credential.
    expect((await fetch(`${api.url}/v1/chat/completions`, { method: "POST", headers: { "x-api-key": api.token }, body: "{}" })).status).toBe(401);
    expect((await api.anthropic.models.list()).data.map(({ id }) => id)).toEqual(["plinth", "plinth/main", "scripted/m"]);
    expect(await api.anthropic.models.retrieve("plinth")).toMatchObject({ type: "model", id: "plinth" });
  });

  it("refuses by name what it cannot honour, in Anthropic's form", async () => {
    await using api = await setUp(says("ok"));
    const wrong: [object, string][] = [
      [{ max_tokens: 0 }, "max_tokens"],
      [{ max_tokens: undefined }, "max_tokens"],
      [{ temperature: 2 }, "temperature"],
      [{ mcp_servers: [{ name: "x" }] }, "mcp_servers"],
      [{ container: "x" }, "container"],
      [{ thinking: { type: "enabled" } }, "thinking"],
      [{ model: "plinth", tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools[0]"],
      [{ tools: [{ type: "mcp_toolset", mcp_server_name: "x" }] }, "tools[0]"],
      [{ tool_choice: { type: "tool", name: "nobody" } }, "tool_choice"],
      [{ messages: [] }, "messages"],
      [{ messages: [user("x"), { role: "assistant", content: "y" }] }, "messages"],
      [{ messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "x" }] }] }, "messages[0]"],
      [{ messages: [{ role: "user", content: [{ type: "image", source: { type: "file", file_id: "f" } }] }] }, "messages[0]"],
      [{ messages: [{ role: "user", content: [{ type: "container_upload", file_id: "f" }] }] }, "messages[0]"],
    ];
    for (const [fields, param] of wrong)
      await expect(api.anthropic.messages.create({ ...hello, ...fields } as never), param).rejects.toMatchObject({
        status: 400,
        error: { type: "error", error: { type: "invalid_request_error", param } },
      });
    await expect(api.anthropic.messages.create({ ...hello, model: "nobody" })).rejects.toMatchObject({
      status: 404,
      error: { error: { type: "not_found_error" } },
    });
    await expect(api.anthropic.messages.batches.list()).rejects.toMatchObject({
      status: 404,
      error: { type: "error", error: { type: "not_found_error" } },
    });
    expect(api.seen).toEqual([]);
  });

  it("tells a later failure in the stream", async () => {
    const late: Script = async function* () {
      yield { type: "text", delta: "Hal" };
      throw Object.assign(new Error("It was cut."), { code: "PLINTH_MODEL_STREAM" });
    };
    await using api = await setUp(late);
    await expect(api.anthropic.messages.stream(hello).finalMessage()).rejects.toThrow(/cut|failed/i);
  });
});
