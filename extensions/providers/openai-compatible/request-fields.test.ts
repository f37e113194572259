import { type ModelEvent, type ModelMessage, type ModelRequest, PlinthError } from "@plinth/sdk";
import type { ScriptedProvider } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import { delta, events, hostFor, scriptedServer, sse, stop } from "./scripted-server.testing.ts";

const text = (value: string) => ({ type: "text" as const, text: value });
const user = (...content: ModelMessage["content"]): ModelMessage => ({ role: "user", content });

async function sent(
  request: Partial<ModelRequest>,
  answer = sse(events(stop)),
  provide: ScriptedProvider[] = [],
): Promise<{ body: any; items: ModelEvent[] }> {
  await using server = await scriptedServer(answer);
  await using host = await hostFor(server.url, { provide });
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

/** A shelf: what is on it, by id, and what is put there. */
function shelf(held: Record<string, string> = {}): { provide: ScriptedProvider[]; put: { bytes: number; mimeType: string }[] } {
  const put: { bytes: number; mimeType: string }[] = [];
  let piece = "";
  const bytes = (id: string): Buffer => {
    if (held[id] === undefined) throw new PlinthError("PLINTH_ARTIFACT_UNKNOWN", "It is gone.");
    return Buffer.from(held[id]);
  };
  const provider = {
    get: ({ id }: { id: string }) => ({ artifact: { ...facts, id, bytes: bytes(id).length } }),
    async *read({ id }: { id: string }) {
      for (let at = 0; at < bytes(id).length; at += 500_000)
        yield {
          base64: bytes(id)
            .subarray(at, at + 500_000)
            .toString("base64"),
        };
    },
    put: ({ base64, more, mimeType }: { base64: string; more?: boolean; mimeType: string }) => {
      piece += Buffer.from(base64, "base64").toString("latin1");
      if (more) return { upload: "u" };
      put.push({ bytes: piece.length, mimeType });
      return { artifact: { ...facts, id: "made", bytes: piece.length } };
    },
  };
  const facts = { sha256: "0".repeat(64), mimeType: "image/png", createdAt: 0 };
  return { provide: [{ contract: "plinth.artifacts", descriptor: { title: "x", durable: false }, provider: provider as never }], put };
}

describe("what is kept elsewhere", () => {
  const image = (artifact: string, name: string) => ({ type: "image" as const, mimeType: "image/png", artifact, name });

  it("goes with its bytes, whole, where it fits; what is too large or gone is named in its place", async () => {
    const cat = "meow".repeat(300_000);
    const { provide } = shelf({ cat, huge: "x".repeat(11_000_000) });
    const { body, items } = await sent(
      { onUnsupported: "drop", messages: [user(text("See"), image("cat", "cat.png"), image("huge", "huge.png"), image("gone", "gone.png"))] },
      undefined,
      provide,
    );
    const [, first, ...rest] = body.messages[0].content;
    expect(Buffer.from(first.image_url.url.split(",")[1], "base64").toString() === cat).toBe(true);
    expect(rest).toEqual([
      { type: "text", text: "[image huge.png, image/png] is too large to be sent." },
      { type: "text", text: "[image gone.png, image/png] is not kept any more." },
    ]);
    expect(items[0]).toMatchObject({ type: "warning", message: expect.stringContaining("huge.png, image/png], which is too large") });
    await expect(sent({ messages: [user(image("huge", "huge.png"))] }, undefined, provide)).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNSUPPORTED",
    });
  });

  it("is the newest where a request cannot hold all of it", async () => {
    const held = Object.fromEntries(["a", "b", "c"].map((id) => [id, id.repeat(9_000_000)]));
    const messages = ["a", "b", "c"].map((id) => user(image(id, `${id}.png`)));
    const { body } = await sent({ onUnsupported: "drop", messages }, undefined, shelf(held).provide);
    expect(body.messages.map(({ content }: any) => content[0].type ?? content)).toEqual([
      "[image a.png, image/png] is too large to be sent.",
      "image_url",
      "image_url",
    ]);
  });

  it("is named where nothing is kept in this host", async () => {
    const { body } = await sent({ messages: [user(image("cat", "cat.png"))] });
    expect(body.messages[0].content).toBe("[image cat.png, image/png] cannot be read now.");
  });

  it("takes in what a model made that is too large for a part", async () => {
    const url = `data:image/png;base64,${Buffer.alloc(3_000_000, 1).toString("base64")}`;
    const answer = sse(events(delta({ content: "See", images: [{ type: "image_url", image_url: { url } }] }), stop));
    const { provide, put } = shelf();
    expect((await sent({}, answer, provide)).items[1]).toEqual({
      type: "part",
      part: { type: "image", mimeType: "image/png", artifact: "made", bytes: 3_000_000 },
    });
    expect(put).toEqual([{ bytes: 3_000_000, mimeType: "image/png" }]);
    expect((await sent({}, answer)).items[1]).toMatchObject({ type: "warning", message: expect.stringContaining("could not be kept") });
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
