import type { ModelEvent, ModelMessage, ModelRequest } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { delta, events, hostFor, scriptedServer, sse, stop } from "./scripted-server.testing.ts";

const text = (value: string) => ({ type: "text" as const, text: value });
const user = (...content: ModelMessage["content"]): ModelMessage => ({ role: "user", content });

async function sent(request: Partial<ModelRequest>, answer = sse(events(stop))): Promise<{ body: any; items: ModelEvent[] }> {
  await using server = await scriptedServer(answer);
  await using host = await hostFor(server.url);
  const items: ModelEvent[] = [];
  const provider = host.use("plinth.model-provider").get("openai");
  for await (const item of provider.stream({ model: "m", messages: [user(text("hi"))], ...request })) items.push(item);
  return { body: server.seen[0]!.body, items };
}

describe("a request", () => {
  it("has every field in the server's words", async () => {
    const { body } = await sent({
      system: [text("One."), text("Two.")],
      tools: [{ name: "a.b", description: "", input: { type: "object" }, strict: true }],
      toolChoice: { name: "a.b" },
      parallelTools: false,
      output: { schema: { type: "object" }, name: "answer", strict: true },
      topP: 0.5,
      stop: ["END"],
      seed: 7,
      thinking: { effort: "low" },
      vendor: { openai: { service_tier: "flex" }, other: { service_tier: "no" } },
    });
    expect(body).toMatchObject({
      messages: [{ role: "system", content: "One.\n\nTwo." }, { role: "user" }],
      tools: [{ function: { name: "a_b", strict: true } }],
      tool_choice: { type: "function", function: { name: "a_b" } },
      parallel_tool_calls: false,
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" }, strict: true } },
      top_p: 0.5,
      stop: ["END"],
      seed: 7,
      reasoning_effort: "low",
      service_tier: "flex",
    });
    expect((await sent({ output: "json", toolChoice: "none" })).body).toMatchObject({ response_format: { type: "json_object" } });
  });

  it("has images, sound and files, and names what cannot be sent", async () => {
    const { body, items } = await sent({
      onUnsupported: "drop",
      messages: [
        user(
          text("See"),
          { type: "image", mimeType: "image/png", base64: "AAAA" },
          { type: "image", mimeType: "image/png", url: "https://a.example/i.png" },
          { type: "audio", mimeType: "audio/wav", base64: "BBBB" },
          { type: "file", mimeType: "application/pdf", base64: "CCCC", name: "a.pdf" },
          { type: "video", mimeType: "video/mp4", artifact: "x", name: "v.mp4" },
        ),
      ],
    });
    expect(body.messages[0].content).toEqual([
      { type: "text", text: "See" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      { type: "image_url", image_url: { url: "https://a.example/i.png" } },
      { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
      { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,CCCC" } },
      { type: "text", text: "[video v.mp4, video/mp4] cannot be sent over this connection." },
    ]);
    expect(items[0]).toMatchObject({ type: "warning", param: "messages" });
  });

  it("gives back what the server wants back, as it was", async () => {
    const thought = [{ type: "reasoning.encrypted", data: "s3cret" }];
    const extra = { google: { thought_signature: "sig" } };
    const answer = sse(
      events(
        delta({ reasoning: "hm", reasoning_details: thought }),
        delta({ tool_calls: [{ index: 0, id: "c", extra_content: extra, function: { name: "t", arguments: "{}" } }] }, "tool_calls"),
      ),
    );
    const { items } = await sent({}, answer);
    expect(items).toEqual([
      { type: "reasoning", delta: "hm" },
      { type: "reasoning", part: { type: "reasoning", text: "hm", opaque: { data: { reasoning_details: thought } } } },
      { type: "tool-call", call: { type: "tool-call", id: "c", name: "t", args: {}, opaque: { data: { extra_content: extra } } } },
      { type: "end", reason: "tool-calls" },
    ]);
    const content = items.flatMap((item) => (item.type === "reasoning" ? (item.part ?? []) : item.type === "tool-call" ? item.call : []));
    const result = { type: "tool-result" as const, callId: "c", name: "t", content: [text("ok")] };
    const { body } = await sent({ messages: [user(text("hi")), { role: "assistant", content }, { role: "tool", content: [result] }] });
    expect(body.messages[1]).toMatchObject({ reasoning_details: thought, tool_calls: [{ id: "c", extra_content: extra }] });
  });
});

describe("an answer", () => {
  it("has sources, images and what it took", async () => {
    const { items } = await sent(
      {},
      sse(
        events(
          delta({
            content: "See",
            annotations: [{ type: "url_citation", url_citation: { url: "https://a.example/", title: "A", start_index: 0, end_index: 3 } }],
            images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
          }),
          stop,
          {
            choices: [],
            usage: {
              prompt_tokens: 9,
              completion_tokens: 5,
              prompt_tokens_details: { cached_tokens: 4 },
              completion_tokens_details: { reasoning_tokens: 2 },
              cost: 0.25,
            },
          },
        ),
      ),
    );
    expect(items).toEqual([
      { type: "text", delta: "See" },
      { type: "part", part: { type: "citation", url: "https://a.example/", title: "A", start: 0, end: 3 } },
      { type: "part", part: { type: "image", mimeType: "image/png", base64: "AAAA" } },
      { type: "usage", usage: { inputTokens: 9, outputTokens: 5, cacheReadTokens: 4, reasoningTokens: 2, cost: 0.25 } },
      { type: "end", reason: "stop" },
    ]);
  });
});
