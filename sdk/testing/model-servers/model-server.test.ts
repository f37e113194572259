import OpenAI from "openai";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ModelServer, openaiChatServer } from "./index.ts";

let server: ModelServer;
afterEach(() => server.close());
const client = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
const messages = [{ role: "user" as const, content: "hi" }];
const ask = (body: object) =>
  fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

describe("a scripted server of chat completions", () => {
  it("is understood by the vendor's own client, streamed and whole", async () => {
    server = await openaiChatServer();
    server.script({
      say: [{ text: "It is " }, { text: "warm." }, { call: { name: "dice", args: { sides: 6 } } }, { call: { id: "x", name: "dice", args: "{}" } }],
      usage: { inputTokens: 3, outputTokens: 4, cacheReadTokens: 1, reasoningTokens: 2 },
    });
    const streamed = client().chat.completions.stream({ model: "m", messages, stream_options: { include_usage: true } });
    const whole = await client().chat.completions.create({ model: "m", messages });
    for (const completion of [await streamed.finalChatCompletion(), whole]) {
      expect(completion.choices[0]).toMatchObject({
        finish_reason: "tool_calls",
        message: {
          content: "It is warm.",
          tool_calls: [
            { id: expect.stringMatching(/^call_/), function: { name: "dice", arguments: '{"sides":6}' } },
            { id: "x", function: { name: "dice", arguments: "{}" } },
          ],
        },
      });
      expect(completion.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 1 } });
    }
    expect(server.requests.map(({ number, method, path, body }) => [number, method, path, body.model])).toEqual([
      [1, "POST", "/v1/chat/completions", "m"],
      [2, "POST", "/v1/chat/completions", "m"],
    ]);
  });

  it("answers in order, then the last again; refuses, and lists its models", async () => {
    server = await openaiChatServer({ models: ["a", "b"] });
    server.script({ refuse: { status: 429, body: { error: { message: "slow" } }, headers: { "retry-after": "3" } } }, { say: [{ text: "x" }] });
    const refused = await ask({ stream: true });
    expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toEqual([429, "3", { error: { message: "slow" } }]);
    expect(await (await ask({ stream: true })).text()).toContain('"content":"x"');
    expect(await (await ask({ stream: true })).text()).toContain('"content":"x"');
    const listed: string[] = [];
    for await (const { id } of client().models.list()) listed.push(id);
    expect(listed).toEqual(["a", "b"]);
    expect((await fetch(`${server.url}/elsewhere`)).status).toBe(404);
  });

  it("breaks off, stalls, compresses, and says anything as it is", async () => {
    server = await openaiChatServer();
    server.script(
      { say: [{ text: "whole" }], cut: 20 },
      { say: [{ text: "whole" }], pieces: 3, gzip: true },
      { say: [{ raw: "data: {broken\n\n" }], end: "none" },
      { say: [{ text: "whole" }], end: "raw:insufficient_system_resource" },
      { stall: 10 },
    );
    await expect(ask({ stream: true }).then((response) => response.text())).rejects.toThrow();
    expect(await (await ask({ stream: true })).text()).toMatch(/whole.*\[DONE\]\n\n$/s);
    expect(await (await ask({ stream: true })).text()).toMatch(/\{broken\n\n$/);
    expect(await (await ask({ stream: true })).text()).toContain('"finish_reason":"insufficient_system_resource"');
    const leaving = new AbortController();
    const reading = fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: '{"stream":true}', signal: leaving.signal }).then((one) =>
      one.body!.getReader().read(),
    );
    expect((await reading).value!.length).toBe(10);
    const before = server.left();
    leaving.abort();
    await vi.waitFor(() => expect(server.left()).toBe(before + 1));
  });
});
