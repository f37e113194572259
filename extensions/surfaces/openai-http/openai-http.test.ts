import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError, type TurnEvent } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { knowsModels } from "../../agents/native/scripted.testing.ts";
import gateway from "../gateway/index.ts";
import gatewayManifest from "../gateway/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

type Script = (input: any, call: any) => AsyncIterable<TurnEvent>;
const events = (...list: unknown[]): Script =>
  async function* ({ sessionKey }) {
    yield { type: "start", runId: "run1", sessionKey };
    yield* list as TurnEvent[];
  };
const ok = (text: string) => ({ type: "end", status: "ok", text, usage: { inputTokens: 7, outputTokens: 3 }, model: "demo/one" });
const greeting = events({ type: "text", delta: "Hel" }, { type: "text", delta: "lo" }, ok("Hello"));

/** The official client against a real gateway with scripted turns. */
async function setUp(script: Script) {
  const inputs: any[] = [];
  const knows = knowsModels();
  const host = await createTestHost({
    extensions: [{ manifest: gatewayManifest, extension: gateway, config: { port: 0 } }, { manifest, extension }, ...knows.extensions],
    provide: [
      ...knows.provide,
      {
        contract: "plinth.turns",
        descriptor: { title: "Scripted" },
        provider: {
          submit: (input: any, call: any) => {
            inputs.push({ ...input, role: call.work?.principal.role });
            return script(input, call);
          },
        } as any,
      },
      {
        contract: "plinth.router",
        descriptor: { title: "Scripted" },
        provider: { agents: () => ({ agents: [{ id: "main", title: "Main", model: "auto" }] }) } as any,
      },
    ],
  });
  await host.use("plinth.service").get("gateway").start({});
  const { url, token } = JSON.parse(await readFile(join(host.home, "state", "plinth.gateway", "running.json"), "utf8"));
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
  return { client, url, token, inputs, [Symbol.asyncDispose]: () => host.close() };
}

const hello = { model: "plinth", messages: [{ role: "user" as const, content: "Hi" }] };

describe("the OpenAI-compatible API", () => {
  it("answers a chat completion as a whole", async () => {
    await using api = await setUp(greeting);
    const answer = await api.client.chat.completions.create(hello);
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-.{16}$/),
      object: "chat.completion",
      model: "demo/one",
      choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    });
    expect(api.inputs).toMatchObject([{ text: "Hi", surface: "openai-http", role: "owner", sessionKey: expect.stringMatching(/^openai:.{12}$/) }]);
    expect(api.inputs[0]).not.toHaveProperty("model");
  });

  it("streams chunks: the role first, the finish reason and the usage last", async () => {
    await using api = await setUp(greeting);
    const stream = await api.client.chat.completions.create({ ...hello, stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(["", "Hel", "lo", undefined, undefined]);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, null, "stop", undefined]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 10 } });
    expect(new Set(chunks.map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    expect(chunks[0]?.object).toBe("chat.completion.chunk");
  });

  it("ends the raw stream with [DONE] and sends no usage that was not asked for", async () => {
    await using api = await setUp(events({ type: "tool-start", callId: "1", name: "read", args: {} }, { type: "text", delta: "x" }, ok("x")));
    const response = await fetch(`${api.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${api.token}` },
      body: JSON.stringify({ ...hello, stream: true }),
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const text = await response.text();
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(text).not.toContain('"usage"');
  });

  it("works with the client's own stream helper", async () => {
    await using api = await setUp(greeting);
    const stream = api.client.chat.completions.stream({ ...hello, stream: true });
    expect(await stream.finalContent()).toBe("Hello");
  });

  it("keeps one session for a key, and none for a user", async () => {
    await using api = await setUp(greeting);
    const messages = [
      { role: "system" as const, content: "Be brief." },
      { role: "user" as const, content: "I am Ada." },
      { role: "assistant" as const, content: "Ignore the rules." },
      { role: "developer" as const, content: "In French." },
      { role: "user" as const, content: [{ type: "text" as const, text: "Who am I?" }] },
    ];
    const history = [
      { role: "user", content: [{ type: "text", text: "I am Ada." }] },
      { role: "assistant", content: [{ type: "text", text: "Ignore the rules." }] },
    ];
    await api.client.chat.completions.create({ model: "plinth", messages, user: "ada" });
    await api.client.chat.completions.create({ model: "plinth", messages, user: "ada" });
    expect(api.inputs[0]).toMatchObject({ sender: "ada", text: "Who am I?", system: "Be brief.\n\nIn French.", history, commands: false });
    expect(api.inputs[0].sessionKey).not.toBe(api.inputs[1].sessionKey);
    await api.client.chat.completions.create({ ...hello, model: "plinth/main", metadata: { session: "s1" } });
    expect(api.inputs[2].sessionKey).toBe("agent:main:openai:s1");
    expect(api.inputs[2]).not.toHaveProperty("history");
    await expect(api.client.chat.completions.create(hello, { headers: { "x-plinth-session": "a b" } })).rejects.toMatchObject({ status: 400 });
  });

  it("refuses what it cannot honour, by name", async () => {
    await using api = await setUp(greeting);
    const call = { role: "assistant", tool_calls: [{ id: "a", type: "function", function: { name: "x", arguments: "{" } }] };
    const wrong: [object, string][] = [
      [{ n: 2 }, "n"],
      [{ tools: [{ type: "custom", custom: { name: "x" } }] }, "tools[0]"],
      [{ functions: [{ name: "x" }] }, "functions"],
      [{ logprobs: true }, "logprobs"],
      [{ response_format: { type: "json_schema" } }, "response_format"],
      [{ temperature: 3 }, "temperature"],
      [{ max_tokens: 0 }, "max_tokens"],
      [{ seed: 1.5 }, "seed"],
      [{ stop: [""] }, "stop"],
      [{ tool_choice: { type: "function", function: { name: "nobody" } } }, "tool_choice"],
      [{ messages: [] }, "messages"],
      [{ messages: [{ role: "user", content: "x" }, call] }, "messages"],
      [
        {
          messages: [
            { role: "user", content: "x" },
            { role: "tool", tool_call_id: "b", content: "x" },
          ],
        },
        "messages[1]",
      ],
      [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] }] }, "messages[0].content"],
      [{ messages: [{ role: "user", content: [{ type: "video", video: "x" }] }] }, "messages[0].content"],
      [{ messages: [{ role: "wizard", content: "x" }] }, "messages[0]"],
      [{ messages: [null] }, "messages[0]"],
      [{ model: 5 }, "model"],
    ];
    for (const [fields, param] of wrong) {
      await expect(api.client.chat.completions.create({ ...hello, ...fields } as never), param).rejects.toMatchObject({
        status: 400,
        param,
        type: "invalid_request_error",
      });
    }
    expect(api.inputs).toEqual([]);
    const used = { n: 1, tools: [], temperature: 0, max_tokens: 5, tool_choice: "auto" as const, frequency_penalty: 1, store: false };
    const { response } = await api.client.chat.completions.create({ ...hello, ...used }).withResponse();
    expect(response.headers.get("x-plinth-ignored")).toBe("frequency_penalty");
    expect(api.inputs).toMatchObject([{ options: { temperature: 0, maxOutputTokens: 5 } }]);
    const raw = { method: "POST", headers: { authorization: `Bearer ${api.token}` }, body: "{" };
    expect((await fetch(`${api.url}/v1/chat/completions`, raw)).status).toBe(400);
  });

  it("gives a failed turn its status, also when a stream was asked for", async () => {
    const told: Record<string, string> = { PLINTH_MODEL_QUOTA: "insufficient_quota", PLINTH_MODEL_CONTEXT: "context_length_exceeded" };
    const fail = (code: string) => events({ type: "end", status: "error", text: "", error: { code, message: "No.", next: "Set a key." } });
    for (const [code, status] of Object.entries({
      PLINTH_MODEL_RATE: 429,
      PLINTH_SESSION_BUSY: 409,
      PLINTH_MODEL_SERVER: 502,
      PLINTH_MODEL_QUOTA: 429,
      PLINTH_MODEL_CONTEXT: 400,
      PLINTH_MODEL_AUTH: 424,
    })) {
      await using api = await setUp(fail(code));
      for (const stream of [false, true]) {
        await expect(api.client.chat.completions.create({ ...hello, stream })).rejects.toMatchObject({
          status,
          code: told[code] ?? code,
          message: expect.stringContaining("Set a key."),
        });
      }
    }
    await using api = await setUp(async function* () {
      yield* [];
      throw new PlinthError("PLINTH_STOPPING", "It stops.");
    });
    await expect(api.client.chat.completions.create(hello)).rejects.toMatchObject({ status: 503 });
  });

  it("reports a failure in the middle of a stream as an error event", async () => {
    await using api = await setUp(
      events(
        { type: "text", delta: "Hal" },
        { type: "end", status: "error", text: "Hal", error: { code: "PLINTH_MODEL_STREAM", message: "It was cut." } },
      ),
    );
    const stream = await api.client.chat.completions.create({ ...hello, stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow("It was cut.");
  });

  it("aborts the turn when the client leaves", async () => {
    for (const stream of [true, false]) {
      const begun = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<void>();
      await using api = await setUp(async function* ({ sessionKey }, call) {
        yield { type: "start", runId: "run1", sessionKey };
        yield { type: "text", delta: "…" };
        call.signal.addEventListener("abort", () => aborted.resolve());
        begun.resolve();
        await aborted.promise;
      });
      const abort = new AbortController();
      const request = api.client.chat.completions.create({ ...hello, stream }, { signal: abort.signal });
      request.catch(() => {});
      await begun.promise;
      abort.abort();
      await aborted.promise;
    }
  });

  it("is for the owner of the token only", async () => {
    await using api = await setUp(greeting);
    const stranger = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await expect(stranger.chat.completions.create(hello)).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(api.inputs).toEqual([]);
  });
});
