import type { ModelEvent } from "@plinth/sdk";
import type { FunctionTool, ResponseStreamEvent } from "openai/resources/responses/responses";
import { describe, expect, it } from "vitest";
import { calls, type Script, says } from "../../../agents/native/scripted.testing.ts";
import { PIXEL, type Serving, setUp, shown } from "../serving.testing.ts";

const weather: FunctionTool = {
  type: "function",
  name: "weather",
  description: "Tells the weather.",
  parameters: { type: "object", properties: { city: { type: "string" } } },
  strict: false,
};
const thinks = (text: string, data: unknown, ...rest: ModelEvent[]): ModelEvent[] => [
  { type: "reasoning", delta: text },
  { type: "reasoning", part: { type: "reasoning", text, opaque: { data } } },
  ...rest,
];
const ended = (reason: "length" | "filter" | "refusal", ...deltas: string[]): ModelEvent[] => [
  ...says(...deltas).slice(0, -1),
  { type: "end", reason },
];
const events = async ({ client }: Serving, body: object): Promise<ResponseStreamEvent[]> => {
  const all = [];
  for await (const event of await client.responses.create({ ...(body as { model: string }), stream: true })) all.push(event);
  return all;
};

describe("the Responses API", () => {
  it("answers an agent and a model as a whole, with what the request said and what it took", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("Hel", "lo"));
      const answer = await api.client.responses.create({ model, input: "Hi", instructions: "Be brief.", metadata: { a: "b" }, store: false });
      expect(answer).toMatchObject({
        ...{ id: expect.stringMatching(/^resp_/), object: "response", status: "completed", model: "scripted/m", error: null, store: false },
        ...{ instructions: "Be brief.", metadata: { a: "b" }, tool_choice: "auto", incomplete_details: null, output_text: "Hello" },
        output: [{ type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Hello", annotations: [] }] }],
        usage: { input_tokens: 10, output_tokens: 2, total_tokens: 12, output_tokens_details: { reasoning_tokens: 0 } },
      });
      expect(JSON.stringify(api.seen[0].system)).toContain("Be brief.");
    }
  });

  it("streams events in the published order, numbered", async () => {
    await using api = await setUp(thinks("Hm.", { a: 1 }, ...says("Hel", "lo").slice(0, 2), ...calls(["b", "weather", { city: "Wien" }])));
    const all = await events(api, { model: "scripted/m", input: "Hi", tools: [weather] });
    const item = ["response.output_item.added", "response.output_item.done"];
    expect(all.map(({ type }) => type)).toEqual([
      ...["response.created", "response.in_progress"],
      ...[item[0], "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta"],
      ...["response.reasoning_summary_text.done", "response.reasoning_summary_part.done", item[1]],
      ...[item[0], "response.content_part.added", "response.output_text.delta", "response.output_text.delta"],
      ...["response.output_text.done", "response.content_part.done", item[1]],
      ...[item[0], "response.function_call_arguments.delta", "response.function_call_arguments.done", item[1]],
      "response.completed",
    ]);
    expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, at) => at));
    const last = all.at(-1) as Extract<ResponseStreamEvent, { type: "response.completed" }>;
    const done = all.flatMap((one) => (one.type === "response.output_item.done" ? [one.item] : []));
    expect(last.response.output).toEqual(done);
    expect(done.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
  });

  it("works with the client's own stream helper and structured output", async () => {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
    await using api = await setUp(says('{"city":', '"Wien"}'));
    const stream = api.client.responses.stream({
      ...{ model: "scripted/m", temperature: 0.2, top_p: 0.9, max_output_tokens: 50, reasoning: { effort: "low" }, prompt_cache_key: "k" },
      text: { format: { type: "json_schema", name: "place", schema, strict: true } },
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "Where?" },
            { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${PIXEL}` },
          ],
        },
      ],
    });
    expect(JSON.parse((await stream.finalResponse()).output_text)).toEqual({ city: "Wien" });
    expect(api.seen[0]).toMatchObject({
      ...{ temperature: 0.2, topP: 0.9, maxOutputTokens: 50, thinking: { effort: "low" }, cacheKey: "k" },
      output: { schema, name: "place", strict: true },
    });
    expect(api.seen[0].messages[0].content).toMatchObject([{ text: "Where?" }, { type: "image", mimeType: "image/png", base64: PIXEL }]);
  });

  it("hands the client's tools out and takes the results, for agents and models, with the items or by the last answer's id", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      for (const byId of [false, true]) {
        await using api = await setUp(thinks("Hm.", { a: 1 }, ...calls(["b", "weather", { city: "Wien" }])), says("Sunny."));
        const input = [{ role: "user" as const, content: "Weather?" }];
        const first = await api.client.responses.create({ model, input, tools: [weather] });
        const call = first.output.at(-1);
        expect(call).toMatchObject({ type: "function_call", call_id: "b", name: "weather", arguments: '{"city":"Wien"}' });
        const result = { type: "function_call_output" as const, call_id: "b", output: "Sunny." };
        const second = await api.client.responses.create({
          ...{ model, tools: [weather] },
          ...(byId ? { previous_response_id: first.id, input: [result] } : { input: [...input, ...(first.output as never[]), result] }),
        });
        expect(second.output_text).toBe("Sunny.");
        const { messages } = api.seen[1];
        expect(messages.map(({ role }: any) => role)).toEqual(["user", "assistant", "tool"]);
        expect(messages[2].content).toMatchObject([{ type: "tool-result", callId: "b", name: "weather", content: [{ text: "Sunny." }] }]);
      }
    }
  });

  it("gives a model its thoughts back unchanged, by encrypted content and by the answer's id", async () => {
    const data = { vendor: "v", item: { id: "rs_1", encrypted_content: "gAAA==" } };
    for (const byId of [false, true]) {
      await using api = await setUp(thinks("Hm.", data, ...says("Yes.")));
      const input = [{ role: "user" as const, content: "Hi" }];
      const first = await api.client.responses.create({ model: "scripted/m", input, store: byId, include: ["reasoning.encrypted_content"] });
      const next = { role: "user" as const, content: "Sure?" };
      await api.client.responses.create({
        model: "scripted/m",
        ...(byId ? { previous_response_id: first.id, input: [next] } : { store: false, input: [...input, ...(first.output as never[]), next] }),
      });
      expect(api.seen[1].messages[1].content).toMatchObject([
        { type: "reasoning", text: "Hm.", opaque: { data } },
        { type: "text", text: "Yes." },
      ]);
    }
  });

  it("remembers by an answer's id or a conversation only, and can branch", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("ok"));
      const ask = (input: string, more = {}) => api.client.responses.create({ model, input, ...more });
      const one = await ask("One");
      const two = await ask("Two", { previous_response_id: one.id });
      expect(shown(api.seen.at(-1))).toEqual(["user: One", "assistant: ok", "user: Two"]);
      await ask("Three", { previous_response_id: two.id });
      expect(shown(api.seen.at(-1))).toEqual(["user: One", "assistant: ok", "user: Two", "assistant: ok", "user: Three"]);
      await ask("Other", { previous_response_id: one.id });
      expect(shown(api.seen.at(-1))).toEqual(["user: One", "assistant: ok", "user: Other"]);
      await ask("Alone");
      expect(shown(api.seen.at(-1))).toEqual(["user: Alone"]);
      const { id } = await api.client.conversations.create();
      await ask("Red", { conversation: id });
      const last = await ask("Blue", { conversation: { id } });
      expect(last.conversation).toEqual({ id });
      expect(shown(api.seen.at(-1))).toEqual(["user: Red", "assistant: ok", "user: Blue"]);
    }
  });

  it("shows and deletes what is kept, and keeps nothing with `store` false", async () => {
    await using api = await setUp(says("ok"));
    const kept = await api.client.responses.create({ model: "scripted/m", input: "Hi" });
    const { output_text: _, ...same } = await api.client.responses.retrieve(kept.id);
    expect(kept).toMatchObject(same);
    // A client may name an item by its id alone.
    const input = [
      { role: "user" as const, content: "Hi" },
      { type: "item_reference" as const, id: kept.output[0]!.id! },
      { role: "user" as const, content: "And?" },
    ];
    await api.client.responses.create({ model: "scripted/m", input });
    expect(shown(api.seen.at(-1))).toEqual(["user: Hi", "assistant: ok", "user: And?"]);
    await api.client.responses.delete(kept.id);
    const passing = await api.client.responses.create({ model: "scripted/m", input: "Hi", store: false });
    for (const { id } of [kept, passing]) {
      await expect(api.client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
      await expect(api.client.responses.create({ model: "scripted/m", input: "x", previous_response_id: id })).rejects.toMatchObject({
        status: 400,
        code: "previous_response_not_found",
      });
    }
  });

  it("takes tools whose input is a text, and groups of tools, under the names that the client gave them", async () => {
    const tools = [
      {
        type: "custom" as const,
        name: "patch",
        description: "Edits.",
        format: { type: "grammar" as const, syntax: "lark" as const, definition: "start: /.+/" },
      },
      { type: "namespace" as const, name: "team", description: "Others.", tools: [{ type: "function" as const, name: "spawn", parameters: {} }] },
      { type: "web_search" as const, external_web_access: false },
    ];
    await using api = await setUp(calls(["a", "patch", { input: "*** Begin" }], ["b", "team__spawn", { n: 1 }]), says("ok"));
    const body = { model: "scripted/m", tools, store: false };
    const { data, response } = await api.client.responses.create({ ...body, input: "Go" }).withResponse();
    expect(data.output).toMatchObject([
      { type: "custom_tool_call", call_id: "a", name: "patch", input: "*** Begin" },
      { type: "function_call", call_id: "b", name: "spawn", namespace: "team", arguments: '{"n":1}' },
    ]);
    expect(response.headers.get("x-plinth-ignored")).toBe("tools.patch.format, tools.web_search");
    expect(api.seen[0].tools).toMatchObject([{ name: "patch", description: expect.stringContaining("start: /.+/") }, { name: "team__spawn" }]);
    const results = [
      { type: "custom_tool_call_output" as const, call_id: "a", output: "Done." },
      { type: "function_call_output" as const, call_id: "b", output: [{ type: "input_text" as const, text: "Spawned." }] },
    ];
    await api.client.responses.create({ ...body, input: [{ role: "user", content: "Go" }, ...(data.output as never[]), ...results] });
    expect(api.seen[1].messages[1].content).toMatchObject([{ name: "patch", args: { input: "*** Begin" } }, { name: "team__spawn" }]);
    expect(api.seen[1].messages[2].content).toMatchObject([
      { callId: "a", name: "patch" },
      { callId: "b", name: "team__spawn" },
    ]);
  });

  it("tells why an answer is not whole, and what declined", async () => {
    await using api = await setUp(ended("length", "Once upon"), ended("filter", "Once"), ended("refusal", "I will not."));
    const answers = [];
    for (let at = 0; at < 3; at++) answers.push(await api.client.responses.create({ model: "scripted/m", input: "Hi", store: false }));
    expect(answers).toMatchObject([
      { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output_text: "Once upon" },
      { status: "incomplete", incomplete_details: { reason: "content_filter" } },
      { status: "completed" },
    ]);
    expect((await events(api, { model: "scripted/m", input: "Hi" })).at(-1)?.type).toBe("response.completed");
  });

  it("refuses by name what it cannot honour, and names what it did not use", async () => {
    await using api = await setUp(says("ok"));
    const wrong: [object, string][] = [
      [{ background: true }, "background"],
      [{ prompt: { id: "p" } }, "prompt"],
      [{ top_logprobs: 2 }, "top_logprobs"],
      [{ input: [] }, "input"],
      [{ input: [{ type: "computer_call" }] }, "input[0]"],
      [{ input: [{ role: "user", content: [{ type: "input_image", file_id: "f" }] }] }, "input[0].content"],
      [{ input: [{ type: "function_call_output", call_id: "x", output: "y" }] }, "input[0]"],
      [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input[0]"],
      [{ text: { format: { type: "json_schema" } } }, "text"],
      [{ tool_choice: { type: "function", name: "nobody" } }, "tool_choice"],
      [{ tool_choice: { type: "web_search" } }, "tool_choice"],
      [{ temperature: 3 }, "temperature"],
      [{ store: false, conversation: "c" }, "store"],
      [{ conversation: "c", previous_response_id: "resp_1" }, "conversation"],
      [{ conversation: "a b" }, "conversation"],
    ];
    for (const [fields, param] of wrong)
      await expect(api.client.responses.create({ model: "plinth", input: "Hi", ...fields } as never), param).rejects.toMatchObject({
        status: 400,
        param,
      });
    await expect(api.client.responses.create({ model: "nobody", input: "Hi" })).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    expect(api.seen).toEqual([]);
    const more = {
      truncation: "auto" as const,
      text: { verbosity: "low" as const },
      include: ["file_search_call.results" as const],
      service_tier: "auto" as const,
    };
    const { response } = await api.client.responses.create({ model: "plinth", input: "Hi", ...more }).withResponse();
    expect(response.headers.get("x-plinth-ignored")).toBe("service_tier, text.verbosity, truncation, include");
  });

  it("tells a failure before the first word by its status, and a later one in the stream", async () => {
    const late: Script = async function* () {
      yield { type: "text", delta: "Hal" };
      throw Object.assign(new Error("It was cut."), { code: "PLINTH_MODEL_STREAM" });
    };
    await using api = await setUp(late);
    const all = await events(api, { model: "scripted/m", input: "Hi" });
    expect(all.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "server_error", message: expect.any(String) } },
    });
    await expect(api.client.responses.create({ model: "scripted/m", input: "Hi" })).rejects.toMatchObject({ status: expect.any(Number) });
  });
});
