import type { ModelEvent } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { delta, events, hostFor, json, type ScriptedServer, scriptedServer, sse, stop } from "./scripted-server.testing.ts";

const ask = { model: "m", messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }] };
type Input = typeof ask & Record<string, unknown>;

async function collect(stream: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const items: ModelEvent[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** What the provider makes of one scripted answer. */
async function streamed(answer: ScriptedServer["answer"], input: Input = ask): Promise<{ items: ModelEvent[]; server: ScriptedServer }> {
  await using server = await scriptedServer(answer);
  await using host = await hostFor(server.url);
  return { items: await collect(host.use("plinth.model-provider").get("openai").stream(input)), server };
}

const failed = (answer: ScriptedServer["answer"]) =>
  streamed(answer).then(
    ({ items }) => expect.fail(`It answered ${JSON.stringify(items)}`),
    (error) => error,
  );

describe("a completion", () => {
  it("streams text, thinking and usage, and ends once", async () => {
    const { items, server } = await streamed(
      sse(
        events(
          delta({ role: "assistant", content: "" }),
          delta({ reasoning_content: "hm" }),
          delta({ content: "Hel" }),
          delta({ content: "lo" }),
          stop,
          { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
          "[DONE]",
        ),
      ),
    );
    expect(items).toEqual([
      { type: "reasoning", delta: "hm" },
      { type: "text", delta: "Hel" },
      { type: "text", delta: "lo" },
      { type: "usage", usage: { inputTokens: 3, outputTokens: 2 } },
      { type: "end", reason: "stop" },
    ]);
    expect(server.seen[0]).toMatchObject({
      path: "/v1/chat/completions",
      headers: { authorization: "Bearer sk-test-very-secret-0123456789" },
      body: { model: "m", stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: "hi" }] },
    });
  });

  it("puts tool calls together from deltas by index, and parses their arguments once", async () => {
    const call = (index: number, part: object) => delta({ tool_calls: [{ index, ...part }] });
    const { items } = await streamed(
      sse(
        events(
          call(0, { id: "a", type: "function", function: { name: "dice", arguments: "" } }),
          call(1, { id: "b", type: "function", function: { name: "time_now", arguments: '{"zo' } }),
          call(0, { function: { arguments: '{"sides"' } }),
          call(1, { function: { arguments: 'ne":"UTC"}' } }),
          call(0, { function: { arguments: ":20}" } }),
          delta({}, "tool_calls"),
          "[DONE]",
        ),
      ),
      { ...ask, tools: [{ name: "time.now", description: "", input: { type: "object" }, say: ["what time is it"] }] },
    );
    expect(items).toEqual([
      { type: "tool-call", call: { type: "tool-call", id: "a", name: "dice", args: { sides: 20 } } },
      { type: "tool-call", call: { type: "tool-call", id: "b", name: "time.now", args: { zone: "UTC" } } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("takes tool calls from servers that leave out index, id or arguments", async () => {
    const { items } = await streamed(
      sse(
        events(
          delta({ tool_calls: [{ id: "x", function: { name: "a", arguments: "{}" } }] }),
          delta({ tool_calls: [{ id: "y", function: { name: "b" } }] }),
          stop,
        ),
      ),
    );
    expect(items).toMatchObject([
      { call: { id: "x", name: "a" } },
      { call: { id: "y", name: "b", args: {} } },
      { type: "end", reason: "tool-calls" },
    ]);
    const nameless = await streamed(sse(events(delta({ tool_calls: [{ index: 0, id: "", function: { name: "a", arguments: {} } }] }), stop)));
    expect(nameless.items).toMatchObject([{ call: { id: expect.stringMatching(/^call_/) } }, { type: "end" }]);
  });

  it("tells a refusal as such, and knows why an answer ended", async () => {
    const { items } = await streamed(sse(events(delta({ refusal: "I cannot." }), stop)));
    expect(items).toEqual([
      { type: "part", part: { type: "refusal", text: "I cannot." } },
      { type: "end", reason: "refusal" },
    ]);
    for (const [wire, reason] of [
      ["length", "length"],
      ["content_filter", "filter"],
      ["eos", "stop"],
    ]) {
      expect((await streamed(sse(events(delta({ content: "x" }, wire))))).items.at(-1)).toEqual({ type: "end", reason });
    }
  });

  it("takes a whole JSON answer from a server that does not stream", async () => {
    const { items } = await streamed(
      json(200, {
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "Hello", tool_calls: [{ id: "a", function: { name: "t", arguments: "{}" } }] },
            finish_reason: "tool_calls",
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      }),
    );
    expect(items.map(({ type }) => type)).toEqual(["text", "tool-call", "usage", "end"]);
  });

  it("does not care how the bytes are cut", async () => {
    const text = events(delta({ content: "Grüße 🎲" }), stop, "[DONE]");
    const { items } = await streamed(async (response) => {
      response.setHeader("content-type", "text/event-stream; charset=utf-8");
      for (const byte of Buffer.from(text.replaceAll("\n", "\r\n"))) {
        response.write(Uint8Array.of(byte));
        if (byte > 127) await new Promise(setImmediate);
      }
      response.end();
    });
    expect(items).toEqual([
      { type: "text", delta: "Grüße 🎲" },
      { type: "end", reason: "stop" },
    ]);
  });

  it("asks again without usage when a server refuses that, and remembers it", async () => {
    await using server = await scriptedServer((response, { body }) =>
      body.stream_options
        ? json(400, { error: { message: "Unknown field: stream_options" } })(response)
        : sse(events(delta({ content: "ok" }), stop))(response),
    );
    await using host = await hostFor(server.url);
    const provider = host.use("plinth.model-provider").get("openai");
    await collect(provider.stream(ask));
    await collect(provider.stream(ask));
    expect(server.seen.map(({ body }) => Boolean(body.stream_options))).toEqual([true, false, false]);
  });

  it("sends the conversation in the server's words", async () => {
    const { server } = await streamed(sse(events(stop)), {
      ...ask,
      onUnsupported: "drop",
      system: [{ type: "text", text: "Be brief." }],
      maxOutputTokens: 5,
      temperature: 0,
      tools: [{ name: "dice", description: "Rolls.", input: { type: "object" }, say: ["roll"] }],
      messages: [
        { role: "user", content: [{ type: "text", text: "roll" }] },
        { role: "assistant", content: [{ type: "tool-call", id: "a", name: "dice", args: { sides: 6 } }] },
        {
          role: "tool",
          content: [
            {
              type: "tool-result",
              callId: "a",
              name: "dice",
              isError: true,
              content: [
                { type: "text", text: "no dice" },
                { type: "image", mimeType: "image/png", base64: "AAAA" },
              ],
            },
          ],
        },
        { role: "assistant", content: [{ type: "text", text: "" }] },
      ] as never,
    });
    expect(server.seen[0]!.body).toEqual({
      model: "m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "roll" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "a", type: "function", function: { name: "dice", arguments: '{"sides":6}' } }],
        },
        { role: "tool", tool_call_id: "a", content: expect.stringMatching(/^The call failed: no dice\n\[image image\/png, 1 KiB\] is shown/) },
      ],
      tools: [{ type: "function", function: { name: "dice", description: "Rolls.", parameters: { type: "object" } } }],
      temperature: 0,
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    });
  });
});

describe("a completion that fails", () => {
  it("says what the server refused, and what to do", async () => {
    const refusals: [number, string, RegExp][] = [
      [401, "PLINTH_MODEL_AUTH", /OPENAI_API_KEY/],
      [403, "PLINTH_MODEL_AUTH", /OPENAI_API_KEY/],
      [404, "PLINTH_MODEL_REQUEST", /model/],
      [400, "PLINTH_MODEL_REQUEST", /model/],
      [429, "PLINTH_MODEL_RATE", /Wait 7 s/],
      [500, "PLINTH_MODEL_SERVER", /Try again/],
      [503, "PLINTH_MODEL_OVERLOADED", /Try again/],
    ];
    for (const [status, code, next] of refusals) {
      const error = await failed(json(status, { error: { message: `because\n of ${status}` } }, { "retry-after": "7" }));
      expect(error).toMatchObject({
        code,
        message: `OpenAI answered ${status}: because of ${status}`,
        next: expect.stringMatching(next),
        details: { status, retryAfterMs: 7000 },
      });
    }
  });

  it("quotes bounded words, and never a key", async () => {
    const long = await failed(json(500, { detail: "x".repeat(10_000) }));
    expect(long.message.length).toBeLessThan(600);
    const echo = await failed((response) =>
      json(401, { error: { message: `Incorrect API key provided: ${"sk-test-very-secret-0123456789"}, header Bearer abc.def` } })(response),
    );
    expect(echo.message).not.toMatch(/very-secret|abc\.def/);
    expect((await failed((response) => response.writeHead(502, { "content-type": "text/html" }).end("<html>bad</html>"))).message).toContain(
      "(a web page)",
    );
  });

  it("notices an answer that is cut, broken or something else", async () => {
    const cases: Record<string, ScriptedServer["answer"]> = {
      "half a stream": sse(events(delta({ content: "Hel" }))),
      nothing: sse(""),
      garbage: sse("data: {nonsense\n\n"),
      "not UTF-8": (response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(Buffer.from([0x64, 0xff, 0xfe])),
      "a broken connection": (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(events(delta({ content: "Hel" })), () => response.destroy());
      },
      "arguments that are not JSON": sse(
        events(delta({ tool_calls: [{ index: 0, id: "a", function: { name: "t", arguments: '{"a":' } }] }), delta({}, "length")),
      ),
      "arguments that are no object": sse(events(delta({ tool_calls: [{ index: 0, id: "a", function: { name: "t", arguments: "[1]" } }] }), stop)),
      "a web page": (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
      "half a JSON answer": (response) => void response.writeHead(200, { "content-type": "application/json" }).end('{"choices":['),
    };
    for (const [name, answer] of Object.entries(cases)) expect(await failed(answer), name).toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("understands an error in the middle of a stream", async () => {
    expect(await failed(sse(events(delta({ content: "x" }), { error: { message: "Overloaded", type: "overloaded_error" } })))).toMatchObject({
      code: "PLINTH_MODEL_OVERLOADED",
      message: expect.stringContaining("Overloaded"),
    });
    expect(await failed(sse(events({ error: { message: "slow down", code: 429 } })))).toMatchObject({ code: "PLINTH_MODEL_RATE" });
  });

  it("says when nobody is there, and when there is no key", async () => {
    await using host = await hostFor("http://127.0.0.1:9/v1");
    await expect(collect(host.use("plinth.model-provider").get("openai").stream(ask))).rejects.toMatchObject({
      code: "PLINTH_MODEL_NETWORK",
      details: { retryable: true },
    });
    await expect(collect(host.use("plinth.model-provider").get("groq").stream(ask))).rejects.toMatchObject({
      code: "PLINTH_MODEL_AUTH",
      next: expect.stringContaining("GROQ_API_KEY"),
    });
    await expect(collect(host.use("plinth.model-provider").get("custom").stream(ask))).rejects.toMatchObject({
      code: "PLINTH_MODEL_REQUEST",
      next: expect.stringContaining("plinth config set"),
    });
  });

  it("ends the request when the caller cancels, before and after the answer began", async () => {
    for (const begin of [false, true]) {
      await using server = await scriptedServer((response) => {
        response.setHeader("content-type", "text/event-stream");
        if (begin) response.write(events(delta({ content: "x" })));
      });
      await using host = await hostFor(server.url);
      const controller = new AbortController();
      const reading = collect(host.use("plinth.model-provider").get("openai").stream(ask, { signal: controller.signal }));
      reading.catch(() => {});
      while (server.seen.length === 0) await new Promise(setImmediate);
      controller.abort();
      await expect(reading).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
      while (server.cancelled() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
});
