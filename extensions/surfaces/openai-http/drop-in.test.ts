import { type ModelEvent, PlinthError } from "@plinth/sdk";
import OpenAI from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { describe, expect, it } from "vitest";
import { calls, type Script, says } from "../../agents/native/scripted.testing.ts";
import { PIXEL, type Serving, serving, setUp } from "./serving.testing.ts";

const weather: ChatCompletionTool = {
  type: "function",
  function: { name: "weather", description: "Tells the weather.", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const user = (content: string): ChatCompletionMessageParam => ({ role: "user", content });
const ended = (reason: "length" | "filter", ...deltas: string[]): ModelEvent[] => [...says(...deltas).slice(0, -1), { type: "end", reason }];

describe("a drop-in model server", () => {
  it("runs an agent's own tools inside the turn, and hands the client's out", async () => {
    const asked: Script = calls(["a", "clock"], ["b", "weather", { city: "Wien" }]);
    for (const stream of [false, true]) {
      await using api = await setUp(asked, says("Sunny at noon."));
      const messages = [user("Weather?")];
      const first = stream
        ? await api.client.chat.completions.stream({ model: "plinth", messages, tools: [weather] }).finalChatCompletion()
        : await api.client.chat.completions.create({ model: "plinth", messages, tools: [weather] });
      const [choice] = first.choices;
      expect(choice).toMatchObject({
        finish_reason: "tool_calls",
        message: { tool_calls: [{ id: "b", type: "function", function: { name: "weather", arguments: '{"city":"Wien"}' } }] },
      });
      expect(api.ran).toHaveLength(1);
      const next = [...messages, choice!.message, { role: "tool" as const, tool_call_id: "b", content: "Sunny." }];
      const second = await api.client.chat.completions.create({ model: "plinth", messages: next, tools: [weather] });
      expect(second.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "Sunny at noon." } });
      const { messages: shown } = api.seen[1];
      expect(shown.map(({ role }: { role: string }) => role)).toEqual(["user", "assistant", "tool"]);
      expect(shown[2].content).toMatchObject([{ type: "tool-result", callId: "b", name: "weather", from: "outside", content: [{ text: "Sunny." }] }]);
    }
  });

  it("asks a model by its name or an alias directly: the client's tools and words, and no others", async () => {
    for (const model of ["scripted/m", "fast"]) {
      await using api = await setUp(calls(["b", "weather", { city: "Wien" }]));
      const messages: ChatCompletionMessageParam[] = [
        { role: "system", content: "Be brief." },
        user("Hi"),
        { role: "assistant", content: "Yes?" },
        user("Weather?"),
      ];
      const answer = await api.client.chat.completions.create({
        model,
        messages,
        tools: [weather],
        tool_choice: "required",
        parallel_tool_calls: false,
      });
      expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
      expect(answer.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
      expect(api.seen[0]).toMatchObject({
        system: [{ text: "Be brief." }],
        tools: [{ name: "weather" }],
        toolChoice: "required",
        parallelTools: false,
      });
      expect(api.seen[0].tools).toHaveLength(1);
      expect(api.seen[0].messages.map(({ role, content }: any) => `${role}: ${content[0].text}`)).toEqual([
        "user: Hi",
        "assistant: Yes?",
        "user: Weather?",
      ]);
    }
  });

  it("shows an agent's model the request's history as messages, and remembers by an explicit key only", async () => {
    await using api = await setUp(says("ok"));
    const create = (body: object, headers = {}) =>
      api.client.chat.completions.create({ model: "plinth", user: "ada", ...body } as never, { headers });
    const shown = () => api.seen.at(-1).messages.map(({ role, content }: any) => `${role}: ${content[0].text}`);
    await create({ messages: [user("I am Ada."), { role: "assistant", content: "Hello Ada." }, user("Who am I?")] });
    expect(shown()).toEqual(["user: I am Ada.", "assistant: Hello Ada.", "user: Who am I?"]);
    expect(api.seen[0].system[0].text).not.toContain("Ada");
    await create({ messages: [user("One")] });
    await create({ messages: [user("Two")] });
    expect(shown()).toEqual(["user: Two"]);
    await create({ messages: [user("One")], metadata: { session: "s1" } });
    await create({ messages: [user("Two")] }, { "x-plinth-session": "s1" });
    expect(shown()).toEqual(["user: One", "assistant: ok", "user: Two"]);
    await create({ messages: [user("Other"), { role: "assistant", content: "Yes." }, user("Three")] }, { "x-plinth-session": "s1" });
    expect(shown()).toEqual(["user: Other", "assistant: Yes.", "user: Three"]);
  });

  it("honours parameters, structured output and pictures for agents and models alike", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says('{"city":"Wien"}'));
      const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
      const { data, response } = await api.client.chat.completions
        .create({
          ...{ model, temperature: 0.2, top_p: 0.9, max_completion_tokens: 50, seed: 7, stop: "END", reasoning_effort: "low", verbosity: "low" },
          response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
          messages: [
            {
              role: "user",
              content: [
                { type: "text", text: "Where?" },
                { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
              ],
            },
          ],
        })
        .withResponse();
      expect(JSON.parse(data.choices[0]?.message.content ?? "")).toEqual({ city: "Wien" });
      expect(response.headers.get("x-plinth-ignored")).toBe("verbosity");
      expect(api.seen[0]).toMatchObject({
        ...{ temperature: 0.2, topP: 0.9, maxOutputTokens: 50, seed: 7, stop: ["END"], thinking: { effort: "low" } },
        output: { schema, name: "place", strict: true },
      });
      expect(api.seen[0].messages[0].content).toMatchObject([{ text: "Where?" }, { type: "image", mimeType: "image/png", base64: PIXEL }]);
    }
  });

  it("names who answered, also where another one did, and says no usage that it was not told", async () => {
    const silent: ModelEvent[] = [
      { type: "text", delta: "Hi" },
      { type: "end", reason: "stop" },
    ];
    for (const model of ["plinth", "broken/m"]) {
      await using api = await serving([silent], { models: { fallbacks: ["scripted/m"] } });
      const body = { model, messages: [user("Hello")] };
      const whole = await api.client.chat.completions.create(body);
      expect(whole).toMatchObject({ model: "scripted/m", choices: [{ message: { content: "Hi" } }] });
      expect(whole).not.toHaveProperty("usage");
      const names: string[] = [];
      for await (const chunk of await api.client.chat.completions.create({ ...body, stream: true })) names.push(chunk.model);
      expect(names.at(-1)).toBe("scripted/m");
      if (model !== "plinth") expect(names[1]).toBe("scripted/m");
    }
  });

  it("tells why an answer ended", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      for (const [reason, told] of Object.entries({ length: "length", filter: "content_filter" })) {
        await using api = await setUp(ended(reason as "length", "Once upon"));
        const body = { model, messages: [user("A story")] };
        expect((await api.client.chat.completions.create(body)).choices[0]).toMatchObject({ finish_reason: told, message: { content: "Once upon" } });
        const streamed = [];
        for await (const chunk of await api.client.chat.completions.create({ ...body, stream: true })) streamed.push(chunk.choices[0]?.finish_reason);
        expect(streamed.at(-1)).toBe(told);
      }
    }
  });

  it("names and refuses what cannot be had, before and after the route", async () => {
    await using api = await setUp(says("ok"));
    const wrong = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_api_key", type: "invalid_request_error" });
    await expect(api.client.images.generate({ prompt: "x" })).rejects.toMatchObject({ status: 404, code: "unknown_url" });
    for (const model of ["nobody", "nobody/x", "plinth/nobody"]) {
      await expect(api.client.chat.completions.create({ model, messages: [user("Hi")] })).rejects.toMatchObject({
        status: 404,
        code: "model_not_found",
      });
    }
    expect(api.seen).toEqual([]);
    expect((await api.client.models.list()).data.map(({ id }) => id)).toEqual(["plinth", "plinth/main", "scripted/m"]);
  });

  it("takes a slash as text", async () => {
    await using api = await setUp(says("It is a path."));
    expect((await api.client.chat.completions.create({ model: "plinth", messages: [user("/status")] })).choices[0]?.message.content).toBe(
      "It is a path.",
    );
  });

  it("gives a model its thoughts back with the calls that they led to, which chat completions have no field for", async () => {
    const thought: ModelEvent = { type: "reasoning", part: { type: "reasoning", text: "Hm.", opaque: { data: { signature: "s" } } } };
    const call: ModelEvent = { type: "tool-call", call: { type: "tool-call", id: "b", name: "weather", args: {}, opaque: { data: "mark" } } };
    await using api = await setUp([thought, call, { type: "end", reason: "tool-calls" }], says("ok"));
    const ask = (messages: ChatCompletionMessageParam[]) => api.client.chat.completions.create({ model: "scripted/m", messages, tools: [weather] });
    const first = await ask([user("Weather?")]);
    await ask([user("Weather?"), first.choices[0]!.message, { role: "tool", tool_call_id: "b", content: "Sunny." }]);
    expect(api.seen[1].messages[1].content).toMatchObject([
      { type: "reasoning", text: "Hm.", opaque: { data: { signature: "s" } } },
      { type: "tool-call", id: "b", opaque: { data: "mark" } },
    ]);
    // Another call under the same id is not that one.
    const other = { id: "b", type: "function" as const, function: { name: "weather", arguments: '{"city":"Linz"}' } };
    await ask([user("Weather?"), { role: "assistant", tool_calls: [other] }, { role: "tool", tool_call_id: "b", content: "Sunny." }]);
    expect(api.seen[2].messages[1].content).toEqual([{ type: "tool-call", id: "b", name: "weather", args: { city: "Linz" } }]);
  });

  it("ends the model's work when the client leaves, in every dialect", async () => {
    const dialects: ((api: Serving, options: object) => Promise<unknown>)[] = [
      ({ client }, options) => client.chat.completions.create({ model: "scripted/m", messages: [user("Hi")], stream: true }, options),
      ({ client }, options) => client.responses.create({ model: "scripted/m", input: "Hi", stream: true }, options),
      ({ anthropic }, options) =>
        anthropic.messages.create({ model: "scripted/m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }], stream: true }, options),
    ];
    for (const ask of dialects) {
      const ended = Promise.withResolvers<void>();
      await using api = await setUp(async function* (_seen, signal) {
        signal.addEventListener("abort", () => ended.resolve());
        yield { type: "text", delta: "Hi" };
        await ended.promise;
      });
      const leaving = new AbortController();
      await ask(api, { signal: leaving.signal });
      leaving.abort();
      await ended.promise;
    }
  });

  it("tells a conversation that is too long as clients look for it", async () => {
    const long = new PlinthError("PLINTH_MODEL_CONTEXT", "It is too long.");
    await using api = await setUp(long);
    const told: string[] = [];
    for await (const event of await api.client.responses.create({ model: "scripted/m", input: "Hi", stream: true })) {
      told.push(event.type);
      if (event.type === "response.failed") expect(event.response.error?.code).toBe("context_length_exceeded");
    }
    expect(told).toEqual(["response.created", "response.in_progress", "response.failed"]);
    await expect(api.client.responses.create({ model: "scripted/m", input: "Hi" })).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
    });
    const messages = [{ role: "user" as const, content: "Hi" }];
    await expect(api.anthropic.messages.create({ model: "scripted/m", max_tokens: 9, messages })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("prompt is too long"),
    });
  });
});
