import { type ModelEvent, PlinthError } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { calls, type Script, says } from "../../agents/native/scripted.testing.ts";
import { PIXEL, serving, setUp } from "./serving.testing.ts";

const end: ModelEvent = { type: "end", reason: "stop" };
const search = { item: { type: "web_search_call", id: "ws_1" } };
const found: ModelEvent[] = [
  { type: "part", part: { type: "opaque", opaque: { data: search } } },
  { type: "text", delta: "It is " },
  { type: "text", delta: "sunny." },
  { type: "part", part: { type: "citation", url: "https://w.example/", title: "Weather", quote: "sunny", start: 6, end: 11 } },
  { type: "part", part: { type: "image", mimeType: "image/png", base64: PIXEL } },
  end,
];
const leaves = (id: string): Script =>
  async function* ({ serverTools }: any) {
    if (serverTools?.length)
      yield {
        type: "warning",
        code: "PLINTH_MODEL_UNSUPPORTED",
        message: `It cannot take the server's own tool "${id}"; it was left out.`,
        param: "serverTools",
      };
    yield* says("ok");
  };

describe("tools that a model's vendor runs", () => {
  it("are passed to the model that was named, with their settings", async () => {
    await using api = await setUp(says("ok"));
    await api.client.responses.create({
      ...{ model: "scripted/m", input: "Hi" },
      tools: [
        { type: "web_search", search_context_size: "low" },
        { type: "web_search_preview_2025_03_11" },
        { type: "code_interpreter", container: { type: "auto" } },
        { type: "image_generation" },
        { type: "file_search", vector_store_ids: ["v"] },
      ],
    });
    expect(api.seen[0].serverTools).toEqual([
      { id: "web-search", options: { search_context_size: "low" } },
      { id: "web-search", options: {} },
      { id: "code-execution", options: { container: { type: "auto" } } },
      { id: "image-generation", options: {} },
      { id: "file-search", options: { vector_store_ids: ["v"] } },
    ]);
    await api.anthropic.messages.create({
      ...{ model: "scripted/m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] },
      tools: [
        { type: "web_search_20250305", name: "web_search", max_uses: 2 },
        { type: "bash_20250124", name: "bash" },
        { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
      ],
    });
    expect(api.seen[1].serverTools).toEqual([
      { id: "web_search_20250305", options: { name: "web_search", max_uses: 2 } },
      { id: "bash_20250124", options: { name: "bash" } },
      { id: "text_editor_20250728", options: { name: "str_replace_based_edit_tool" } },
    ]);
  });

  it("are refused by name: where the model has none, of an agent, and where nobody here could answer their calls", async () => {
    await using api = await setUp(leaves("file-search"));
    const ask = (model: string, ...types: string[]) =>
      api.client.responses.create({ model, input: "Hi", tools: types.map((type) => ({ type })) as never });
    const refused = (param: string, words: string) => ({ status: 400, param, message: expect.stringContaining(words) });
    await expect(ask("scripted/m", "web_search", "file_search")).rejects.toMatchObject(refused("tools[1]", "file-search"));
    await expect(ask("plinth", "web_search")).rejects.toMatchObject(refused("tools[0]", "an agent has tools of its own"));
    for (const type of [
      "computer_use_preview",
      "computer",
      "local_shell",
      "shell",
      "apply_patch",
      "mcp",
      "tool_search",
      "programmatic_tool_calling",
      "",
    ])
      await expect(ask("scripted/m", type), type).rejects.toMatchObject(refused("tools[0]", "Describe a function"));
    const messages = [{ role: "user" as const, content: "Hi" }];
    const tools = [{ type: "web_search_20250305" as const, name: "web_search" as const }];
    await using other = await setUp(leaves("web_search_20250305"));
    await expect(other.anthropic.messages.create({ model: "scripted/m", max_tokens: 9, messages, tools })).rejects.toMatchObject({
      status: 400,
      error: { error: { param: "tools[0]" } },
    });
  });

  it("that Codex offers without meaning them are named and not refused", async () => {
    await using api = await setUp(leaves("web-search"));
    for (const model of ["plinth", "scripted/m"]) {
      for (const external_web_access of [false, true]) {
        const tools = [{ type: "web_search", external_web_access }] as never;
        const { response } = await api.client.responses.create({ model, input: "Hi", tools }).withResponse();
        expect(response.headers.get("x-plinth-ignored")).toContain("tools.web_search");
      }
    }
    expect(api.seen.map(({ serverTools }) => serverTools).filter(Boolean)).toEqual([[{ id: "web-search", options: {} }]]);
  });

  it("that the client has to run come back as calls by their names", async () => {
    await using api = await setUp(calls(["b", "bash", { command: "ls" }]));
    const answer = await api.anthropic.messages.create({
      ...{ model: "scripted/m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] },
      tools: [{ type: "bash_20250124", name: "bash" }],
    });
    expect(answer.content).toMatchObject([{ type: "tool_use", name: "bash", input: { command: "ls" } }]);
  });
});

describe("sources and pictures of an answer", () => {
  const annotation = { type: "url_citation", url: "https://w.example/", title: "Weather", start_index: 6, end_index: 11 };

  it("are told by responses, whole, streamed and when it is asked for again; what the vendor's tool did goes back unchanged", async () => {
    await using api = await setUp(found);
    const body = { model: "scripted/m", input: "Weather?", tools: [{ type: "web_search" as const }] };
    const whole = await api.client.responses.create(body);
    const output = [
      { type: "reasoning", summary: [], encrypted_content: expect.stringMatching(/^plinth1\./) },
      { type: "message", content: [{ type: "output_text", text: "It is sunny.", annotations: [annotation] }] },
      { type: "image_generation_call", status: "completed", result: PIXEL },
    ];
    expect(whole.output).toMatchObject(output);
    expect((await api.client.responses.retrieve(whole.id)).output).toEqual(whole.output);
    const events = [];
    for await (const event of await api.client.responses.create({ ...body, stream: true })) events.push(event);
    const types = events.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["response.output_text.annotation.added", "response.image_generation_call.completed"]));
    expect(types.indexOf("response.output_text.annotation.added")).toBeLessThan(types.indexOf("response.output_text.done"));
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { output } });
    for (const next of [
      { previous_response_id: whole.id, input: "And?" },
      { input: [...(whole.output as never[]), { role: "user" as const, content: "And?" }] },
    ]) {
      await api.client.responses.create({ ...body, ...next });
      const said = api.seen.at(-1).messages.find(({ role }: any) => role === "assistant").content;
      expect(said[0]).toMatchObject({ type: "opaque", opaque: { data: search } });
    }
  });

  it("are told with the bytes of what is kept elsewhere, also later, and in words once those are gone", async () => {
    let gone = false;
    const artifacts = {
      contract: "plinth.artifacts" as const,
      id: "kept",
      descriptor: {},
      provider: {
        get: ({ id }: any) => {
          if (gone) throw new PlinthError("PLINTH_ARTIFACT_UNKNOWN", "It is gone.");
          return { artifact: { id, bytes: 3, mimeType: "image/png", sha256: "0".repeat(64), createdAt: 0 } };
        },
        async *read() {
          yield { base64: "AAAA" };
        },
      } as never,
    };
    const drawn: ModelEvent[] = [{ type: "part", part: { type: "image", mimeType: "image/png", artifact: "art-1", bytes: 3 } }, end];
    await using api = await serving([drawn], { provide: [artifacts] });
    const body = { model: "scripted/m", input: "Draw." };
    const { id, output } = await api.client.responses.create(body);
    const item = { type: "image_generation_call", status: "completed", result: "AAAA" };
    expect(output).toEqual([{ id: expect.any(String), ...item }]);
    expect((await api.client.responses.retrieve(id)).output).toEqual(output);
    await api.client.responses.create({ ...body, previous_response_id: id });
    expect(api.seen.at(-1).messages[1].content).toMatchObject([{ type: "image", artifact: "art-1" }]);
    gone = true;
    expect((await api.client.responses.retrieve(id)).output).toEqual([{ ...output[0], result: null }]);
    expect((await api.client.responses.create(body)).output_text).toBe("[image image/png, 1 KiB]\n");
  });

  it("are told by chat completions and messages", async () => {
    await using api = await setUp(found);
    const messages = [{ role: "user" as const, content: "Weather?" }];
    const chat = { model: "scripted/m", messages };
    const { type: _, ...url_citation } = annotation;
    const images = [{ type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }];
    const besides = { annotations: [{ type: "url_citation", url_citation }], images };
    expect((await api.client.chat.completions.create(chat)).choices[0]?.message).toMatchObject(besides);
    const deltas: object[] = [];
    for await (const { choices } of await api.client.chat.completions.create({ ...chat, stream: true })) deltas.push(choices[0]?.delta ?? {});
    expect(Object.assign({}, ...deltas)).toMatchObject(besides);

    const asked = { model: "scripted/m", max_tokens: 9, messages };
    const cited = { type: "web_search_result_location", url: "https://w.example/", title: "Weather", cited_text: "sunny" };
    const content = [
      { type: "redacted_thinking", data: expect.stringMatching(/^plinth1\./) },
      { type: "text", text: "It is sunny.", citations: [cited] },
      { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
    ];
    const answer = await api.anthropic.messages.create(asked);
    expect(answer.content).toMatchObject(content);
    expect((await api.anthropic.messages.stream(asked).finalMessage()).content).toMatchObject(content);
    await api.anthropic.messages.create({
      ...asked,
      messages: [...messages, { role: "assistant", content: answer.content.slice(0, 2) as never }, ...messages],
    });
    expect(api.seen.at(-1).messages[1].content[0]).toMatchObject({ type: "opaque", opaque: { data: search } });
  });

  it("are told of an agent as well, and other parts in words", async () => {
    const sounds: ModelEvent = { type: "part", part: { type: "audio", mimeType: "audio/mpeg", base64: "AAAA", name: "a.mp3" } };
    await using api = await setUp([...found.slice(1, -1), sounds, end]);
    const { output } = await api.client.responses.create({ model: "plinth", input: "Weather?" });
    const json = JSON.stringify(output);
    expect(json).toContain("https://w.example/");
    expect(json).toContain(PIXEL);
    expect(json).toContain("a.mp3");
  });
});
