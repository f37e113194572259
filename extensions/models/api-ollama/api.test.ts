import type { ModelMessage, Part } from "@plinth/sdk";
import { LineParser } from "@plinth/sdk/kits/model-api";
import { ollamaServer, ollamaWire } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import { ChatReader } from "./chat-reader.ts";
import { answered, ask, endpointOf, failing, openApi } from "./opened.testing.ts";

const user = (...content: Part[]): ModelMessage => ({ role: "user", content });
const words = (text: string): Part => ({ type: "text", text });
const dice = { name: "my.dice", description: "Rolls.", input: { type: "object" } };
const talk: ModelMessage[] = [
  user(words("a")),
  {
    role: "assistant",
    content: [
      { type: "reasoning", text: "hm", opaque: { data: { thinking: "hm" } } },
      { type: "tool-call", id: "c1", name: "my.dice", args: { sides: 6 } },
    ],
  },
  { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "my.dice", content: [{ type: "text", text: "4" }] }] },
];

describe("what is sent", () => {
  it("is the conversation in the server's words, once it has said what the model can do", async () => {
    const { bodies, paths } = await answered([{}], {
      requests: [
        {
          system: [{ type: "text", text: "Be brief." }],
          messages: talk,
          tools: [dice],
          temperature: 0,
          seed: 7,
          stop: ["x"],
          maxOutputTokens: 9,
          thinking: { effort: "high" },
          output: { schema: { type: "object" } },
        },
        {},
      ],
      quirks: { keepAlive: "10m" },
    });
    expect(bodies[0]).toEqual({
      model: "model-1",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "a" },
        { role: "assistant", content: "", thinking: "hm", tool_calls: [{ id: "c1", function: { name: "my_dice", arguments: { sides: 6 } } }] },
        { role: "tool", tool_name: "my_dice", tool_call_id: "c1", content: "4" },
      ],
      tools: [{ type: "function", function: { name: "my_dice", description: "Rolls.", parameters: { type: "object" } } }],
      format: { type: "object" },
      think: "high",
      keep_alive: "10m",
      options: { num_ctx: 4_096, num_predict: 9, temperature: 0, seed: 7, stop: ["x"] },
      truncate: false,
      stream: true,
    });
    // What a model can do is asked once.
    expect(paths).toEqual(["/api/show", "/api/chat", "/api/chat"]);
  });

  it("asks for a context that fits, in powers of two, which does not shrink, up to what the model has", async () => {
    const long = (bytes: number) => ({ messages: [user(words("x".repeat(bytes)))] });
    const { bodies } = await answered([{}], { requests: [{}, long(30_000), {}, long(90_000)], contextTokens: 20_000 });
    expect(bodies.map(({ options }) => options.num_ctx)).toEqual([4_096, 16_384, 16_384, 20_000]);
    expect((await answered([{}], { parameters: "stop x\nnum_ctx 8192\n" })).bodies[0].options.num_ctx).toBe(8_192);
    expect((await answered([{}], { quirks: { numCtx: 1_000 } })).bodies[0].options.num_ctx).toBe(1_000);
    const error = await failing([{}], { requests: [long(300_000)], contextTokens: 20_000 });
    expect(error).toMatchObject({ code: "PLINTH_MODEL_CONTEXT", details: { limitTokens: 20_000, retryable: false } });
  });

  it("has images beside the text, and names what the model cannot see", async () => {
    const image: Part = { type: "image", mimeType: "image/png", base64: "AAAA", name: "cat.png" };
    const requests = [{ messages: [user(words("look"), image)], onUnsupported: "drop" as const }];
    expect((await answered([{}], { requests })).bodies[0].messages[0]).toEqual({ role: "user", content: "look", images: ["AAAA"] });
    const blind = await answered([{}], { requests, capabilities: ["completion"] });
    expect(blind.bodies[0].messages[0].content).toContain("cat.png");
    expect(blind.events[0]).toMatchObject({ type: "warning", param: "messages" });
  });

  it("has what tools gave after the results, and says which call it belongs to, where the model sees", async () => {
    const image = { type: "image", mimeType: "image/png", base64: "AAAA", name: "cat.png" } as const;
    const called: Part = { type: "tool-call", id: "a", name: "look", args: {} };
    const result: Part = { type: "tool-result", callId: "a", name: "look", content: [{ type: "text", text: "Taken." }, image] };
    const messages: ModelMessage[] = [user(words("Look.")), { role: "assistant", content: [called] }, { role: "tool", content: [result] }];
    const requests = [{ messages, onUnsupported: "drop" as const }];
    const { bodies } = await answered([{}], { requests, capabilities: ["completion", "tools", "vision"] });
    expect(bodies[0].messages.slice(2)).toMatchObject([
      { role: "tool", tool_call_id: "a", content: expect.stringContaining("cat.png") },
      { role: "user", content: expect.stringContaining("the tool look, call a"), images: ["AAAA"] },
    ]);
    const blind = await answered([{}], { requests, capabilities: ["completion", "tools"] });
    expect(blind.bodies[0].messages).toHaveLength(3);
  });

  it("tells a model without tools of calls as text, and who needs tools that it has none", async () => {
    const options = { requests: [{ messages: talk, tools: [dice], onUnsupported: "drop" as const }], capabilities: ["completion"] };
    const { bodies, events } = await answered([{}], options);
    expect(bodies[0].tools).toBeUndefined();
    expect(JSON.stringify(bodies[0].messages)).toMatch(/The tool my.dice was called.*Result of the tool my.dice/);
    expect(events[0]).toMatchObject({ type: "warning", param: "tools" });
    expect(await failing([{}], { requests: [{ tools: [dice] }], capabilities: ["completion"] })).toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
  });
});

describe("what comes", () => {
  it("is thinking, text, whole calls and usage", async () => {
    const { events } = await answered(
      [
        {
          say: [
            { reasoning: "h" },
            { reasoning: "m" },
            { text: "ok" },
            { call: { name: "my_dice", args: { sides: 6 } } },
            { call: { name: "x", args: '{"a":1}' } },
            { call: { name: "y", args: null } },
          ],
          usage: { inputTokens: 3, outputTokens: 4 },
        },
      ],
      { requests: [{ tools: [dice] }] },
    );
    expect(events).toMatchObject([
      { type: "reasoning", delta: "h" },
      { type: "reasoning", delta: "m" },
      { type: "reasoning", part: { text: "hm", opaque: { data: { thinking: "hm" } } } },
      { type: "text", delta: "ok" },
      { type: "tool-call", call: { name: "my.dice", args: { sides: 6 } } },
      { type: "tool-call", call: { name: "x", args: { a: 1 } } },
      { type: "tool-call", call: { name: "y", args: {} } },
      { type: "usage", usage: { inputTokens: 3, outputTokens: 4 } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("ends once, or fails", async () => {
    expect((await answered([{ say: [{ text: "x" }], end: "length" }])).events.at(-1)).toEqual({ type: "end", reason: "length" });
    expect((await answered([{ say: [{ text: "<think>hm</think>ok" }], gzip: true }])).events.map(({ type }) => type)).toEqual([
      "reasoning",
      "reasoning",
      "text",
      "end",
    ]);
    for (const answer of [{ end: "none" }, { end: "raw:load" }, { say: [{ raw: "{broken\n" }] }, { say: [{ call: { name: "", args: {} } }] }]) {
      expect(await failing([{ say: [{ text: "half" }], ...answer }])).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    expect(await failing([{ say: [{ raw: '{"error":"an error was encountered while running the model: CUDA"}\n' }] }])).toMatchObject({
      code: "PLINTH_MODEL_SERVER",
    });
    expect(await failing([{ say: [{ call: { id: "a", name: "x", args: "{" } }] }])).toMatchObject({
      details: { call: { id: "a", name: "x", arguments: "{" } },
    });
    expect(await failing([{ refuse: { status: 404, body: { error: "model 'x' not found" } } }])).toMatchObject({ code: "PLINTH_MODEL_UNKNOWN" });
  });

  it("are models with what each can do, and a server that says nothing of that still answers", async () => {
    const server = await ollamaServer({ models: ["a", "b"], contextTokens: 9, capabilities: ["completion", "tools"] });
    const { host, api } = await openApi();
    const info = { family: "llama", contextTokens: 9, input: [], tools: "parallel", structured: "schema" };
    expect((await api.models({ endpoint: endpointOf(`${server.url}/v1`) })).models).toEqual([
      { id: "a", ...info },
      { id: "b", ...info },
    ]);
    const items: unknown[] = [];
    for await (const item of api.stream({ endpoint: endpointOf(server.url), request: ask })) items.push(item);
    expect(items).toContainEqual({ type: "text", delta: "Hello." });
    await host.close();
    await server.close();
  });
});

describe("a recorded stream", () => {
  const asked = { number: 1, method: "POST", path: "/api/chat", headers: {}, body: { model: "m" } };
  const answer = {
    say: [{ reasoning: "Grüße" }, { text: "Ich würfle 🎲" }, { call: { name: "dice", args: { sides: 6 } } }],
    usage: { inputTokens: 1, outputTokens: 2 },
  };
  const bytes = Buffer.concat([...ollamaWire().stream(answer, asked)].map((piece) => Buffer.from(piece as string)));
  const read = (pieces: Iterable<Uint8Array>) => {
    const events: any[] = [];
    const [reader, parser] = [new ChatReader("Ollama", new Map()), new LineParser()];
    try {
      for (const piece of pieces) for (const line of parser.push(piece)) if (!reader.done) reader.take(line, events);
      for (const line of parser.finish()) if (!reader.done) reader.take(line, events);
      for (const event of reader.finish()) events.push(event);
      return { events };
    } catch (error: any) {
      return { events, code: error.code };
    }
  };

  it("is the same split at every byte, and an error where it is cut", () => {
    const whole = read([bytes]);
    expect(whole.events.at(-1)).toEqual({ type: "end", reason: "tool-calls" });
    for (let at = 1; at < bytes.length; at++) expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    // The last byte ends the last line, which is whole without it.
    for (let at = 0; at < bytes.length - 1; at++) expect(read([bytes.subarray(0, at)]).code).toBe("PLINTH_MODEL_STREAM");
  });

  it("that is damaged 2,000 times is each one end, or one coded error, with whole calls only", () => {
    let state = 20_261_130;
    const next = (below: number) => {
      // xorshift32
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    const seen = { ends: 0, errors: 0 };
    for (let round = 0; round < 2_000; round++) {
      let given = Buffer.from(bytes);
      const [at, to] = [next(given.length), next(given.length)].sort((a, b) => a - b) as [number, number];
      const kind = next(4);
      if (kind === 0) given[at] = next(256);
      else if (kind === 1) given = given.subarray(0, to + 1);
      else if (kind === 2) given = Buffer.concat([given.subarray(0, at), given.subarray(Math.min(to, at + 30))]);
      else given = Buffer.concat([given.subarray(0, to), Buffer.from('\n{"message":7}\n[]\n'), given.subarray(at)]);
      const { events, code } = read([given.subarray(0, at), given.subarray(at)]);
      const ends = events.filter(({ type }) => type === "end").length;
      expect(code === undefined ? [ends, events.at(-1).type] : [ends, /^PLINTH_MODEL_/.test(code)], given.toString()).toEqual(
        code === undefined ? [1, "end"] : [0, true],
      );
      for (const { type, call } of events)
        if (type === "tool-call") expect([typeof call.args, call.name.length > 0], given.toString()).toEqual(["object", true]);
      if (code === undefined) seen.ends++;
      else seen.errors++;
    }
    expect(Math.min(seen.ends, seen.errors)).toBeGreaterThan(200);
  });
});
