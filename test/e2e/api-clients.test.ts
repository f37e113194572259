import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { anthropicServer, type ModelServer, openaiChatServer, openaiResponsesServer, type ScriptedAnswer } from "@plinth/sdk/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPeer, peer, program } from "../peers/programs.testing.ts";
import { cleanUp, type Gateway, newHome, onCleanUp, startGateway } from "./lab.ts";

/** Servers of models behind the gateway, by protocol. */
const servers: Record<string, ModelServer> = {};
let gateway: Gateway;
let home: string;

beforeAll(async () => {
  home = await newHome();
  const settings: Record<string, object> = {};
  for (const [api, start] of Object.entries({
    "openai-chat": openaiChatServer,
    "openai-responses": openaiResponsesServer,
    "anthropic-messages": anthropicServer,
  })) {
    const server = await start();
    onCleanUp(() => server.close());
    servers[api] = server;
    settings[`test-${api}`] = { api, baseUrl: `${server.url}/v1`, priority: api === "openai-chat" ? 1 : 2, secret: "TEST_KEY" };
  }
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.models": { config: { servers: settings } } } }));
  gateway = await startGateway(home, { TEST_KEY: "e2e-key-not-secret" });
}, 60_000);
afterAll(cleanUp);

const MODEL = "test-openai-chat/model-1";
const calls = (name: string, args: object): ScriptedAnswer => ({ say: [{ call: { name, args } }], usage: { inputTokens: 20, outputTokens: 5 } });
const says = (text: string): ScriptedAnswer => ({ say: [{ text }], usage: { inputTokens: 30, outputTokens: 6 } });
/** The results of tools in what the model was asked last. */
const resultsOf = ({ requests }: ModelServer): string => JSON.stringify(requests.at(-1)?.body.messages.filter((one: any) => one.role === "tool"));

describe("official clients, with models that think", () => {
  it("the signature of a thought comes back to Anthropic's server unchanged", async () => {
    const server = servers["anthropic-messages"]!;
    server.script({ say: [{ reasoning: "Hm.", opaque: "EqQB-signed" }, { call: { name: "look", args: {} } }] }, says("Done."));
    const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.token, maxRetries: 0 });
    const tools = [{ name: "look", input_schema: { type: "object" as const, properties: {} } }];
    const body = { model: "test-anthropic-messages/model-1", max_tokens: 4_000, thinking: { type: "enabled" as const, budget_tokens: 2_000 }, tools };
    const asked = { role: "user" as const, content: "Look." };
    const first = await client.messages.stream({ ...body, messages: [asked] }).finalMessage();
    expect(first).toMatchObject({
      stop_reason: "tool_use",
      content: [
        { type: "thinking", thinking: "Hm." },
        { type: "tool_use", name: "look" },
      ],
    });
    const id = (first.content.at(-1) as { id: string }).id;
    const result = { type: "tool_result" as const, tool_use_id: id, content: "A cat." };
    const messages = [asked, { role: "assistant" as const, content: first.content }, { role: "user" as const, content: [result] }];
    expect((await client.messages.create({ ...body, messages })).content).toMatchObject([{ type: "text", text: "Done." }]);
    const sent = server.requests.at(-1)?.body.messages;
    expect(sent[1].content[0]).toEqual({ type: "thinking", thinking: "Hm.", signature: "EqQB-signed" });
    expect(sent[2].content[0]).toMatchObject({ type: "tool_result", tool_use_id: id });
  }, 30_000);

  it("encrypted reasoning comes back to OpenAI's server unchanged, whether the client or the gateway keeps it", async () => {
    const server = servers["openai-responses"]!;
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token, maxRetries: 0 });
    const tools = [{ type: "function" as const, name: "look", parameters: { type: "object", properties: {} }, strict: false }];
    for (const store of [false, true]) {
      server.script({ say: [{ reasoning: "Hm.", opaque: "gAAA-encrypted" }, { call: { name: "look", args: {} } }] }, says("Done."));
      const body = { model: "test-openai-responses/model-1", tools, store, include: ["reasoning.encrypted_content" as const] };
      const input = [{ role: "user" as const, content: "Look." }];
      const first = await client.responses.stream({ ...body, input }).finalResponse();
      const call = first.output.find((one) => one.type === "function_call")!;
      const result = { type: "function_call_output" as const, call_id: call.call_id, output: "A cat." };
      const second = await client.responses.create({
        ...body,
        ...(store ? { previous_response_id: first.id, input: [result] } : { input: [...input, ...(first.output as never[]), result] }),
      });
      expect(second.output_text).toBe("Done.");
      const sent = server.requests.at(-1)?.body.input.map(({ type, encrypted_content }: any) => encrypted_content ?? type);
      expect(sent).toEqual(["message", "gAAA-encrypted", "function_call", "function_call_output"]);
    }
  }, 30_000);
});

describe("tools that a vendor runs", () => {
  it("reach a server that has them as they were asked for, and are refused by name where the protocol has none", async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.token, maxRetries: 0 });
    servers["openai-responses"]!.script(says("ok"));
    const search = { type: "web_search" as const, search_context_size: "low" as const };
    const body = { input: "Look.", tools: [search, { type: "code_interpreter" as const, container: "c1" }] };
    expect((await openai.responses.create({ model: "test-openai-responses/model-1", ...body })).output_text).toBe("ok");
    expect(servers["openai-responses"]!.requests.at(-1)?.body.tools).toEqual(body.tools);
    for (const model of [MODEL, "plinth"])
      await expect(openai.responses.create({ model, ...body })).rejects.toMatchObject({ status: 400, param: "tools[0]" });

    servers["anthropic-messages"]!.script(calls("bash", { command: "ls" }));
    const tools = [
      { type: "web_search_20250305" as const, name: "web_search" as const, max_uses: 2 },
      { type: "bash_20250124" as const, name: "bash" as const },
    ];
    const messages = [{ role: "user" as const, content: "Look." }];
    const answer = await anthropic.messages.create({ model: "test-anthropic-messages/model-1", max_tokens: 99, messages, tools });
    expect(answer.content).toMatchObject([{ type: "tool_use", name: "bash", input: { command: "ls" } }]);
    expect(servers["anthropic-messages"]!.requests.at(-1)?.body.tools).toEqual(tools);
    servers["anthropic-messages"]!.script(says("ok"));
    const { id } = answer.content[0] as { id: string };
    const result = { role: "user" as const, content: [{ type: "tool_result" as const, tool_use_id: id, content: "a.txt" }] };
    const more = [...messages, { role: "assistant" as const, content: answer.content }, result];
    await anthropic.messages.create({ model: "test-anthropic-messages/model-1", max_tokens: 99, messages: more, tools });
    expect(servers["anthropic-messages"]!.requests.at(-1)?.body.messages[1].content).toMatchObject([{ type: "tool_use", name: "bash" }]);
  }, 30_000);
});

describe("libraries, unmodified", () => {
  it.skipIf(!hasPeer("ai"))(
    "Vercel's `ai`: tools and streams over responses, chat completions and messages",
    async () => {
      const { generateText, streamText, tool, jsonSchema, stepCountIs, isStepCount = stepCountIs } = await peer("ai");
      const openai = (await peer("@ai-sdk/openai")).createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token });
      const anthropic = (await peer("@ai-sdk/anthropic")).createAnthropic({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token });
      const look = tool({ description: "Looks.", inputSchema: jsonSchema({ type: "object", properties: {} }), execute: async () => "A cat." });
      for (const model of [openai(MODEL), openai.chat(MODEL), anthropic(MODEL), openai("plinth")]) {
        const body = { model, prompt: "Look.", tools: { look }, stopWhen: isStepCount(3), maxOutputTokens: 100, maxRetries: 0 };
        servers["openai-chat"]?.script(calls("look", {}), says("I see a cat."));
        const { text, steps } = await generateText(body);
        expect([text, steps.length]).toEqual(["I see a cat.", 2]);
        expect(resultsOf(servers["openai-chat"]!)).toContain("A cat.");
        servers["openai-chat"]?.script(calls("look", {}), says("I see a cat."));
        let streamed = "";
        for await (const delta of streamText(body).textStream) streamed += delta;
        expect(streamed).toBe("I see a cat.");
      }
    },
    60_000,
  );

  it.skipIf(!hasPeer("@langchain/openai"))(
    "LangChain: tools and streams over chat completions and responses",
    async () => {
      const { ChatOpenAI } = await peer("@langchain/openai");
      for (const useResponsesApi of [false, true]) {
        const chat = new ChatOpenAI({
          model: MODEL,
          apiKey: gateway.token,
          configuration: { baseURL: `${gateway.url}/v1` },
          useResponsesApi,
          maxRetries: 0,
        });
        servers["openai-chat"]?.script(calls("look", { at: "cats" }), says("I see."));
        const look = { type: "function", function: { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } } };
        expect((await chat.bindTools([look]).invoke("Look.")).tool_calls).toMatchObject([{ name: "look", args: { at: "cats" } }]);
        let streamed = "";
        for await (const chunk of await chat.stream("Hi")) streamed += chunk.text;
        expect(streamed).toBe("I see.");
      }
    },
    60_000,
  );
});

describe("programs, unmodified: a command runs, and the model is told what it said", () => {
  const folder = async (name: string): Promise<string> => {
    const dir = join(home, name);
    await mkdir(dir);
    return dir;
  };
  const works = ({ code, text }: { code: number | null; text: string }): void => {
    expect(code, text).toBe(0);
    expect(text).toContain("That was all.");
    expect(resultsOf(servers["openai-chat"]!)).toContain("from-the-shell");
  };

  it.skipIf(!hasPeer("@openai/codex", "codex"))(
    "codex, over responses",
    async () => {
      const dir = await folder("codex");
      const provider = { name: "Plinth", base_url: `${gateway.url}/v1`, wire_api: "responses", env_key: "PLINTH_TOKEN" };
      const table = Object.entries(provider).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
      await writeFile(join(dir, "config.toml"), `model = "${MODEL}"\nmodel_provider = "plinth"\n[model_providers.plinth]\n${table.join("")}`);
      servers["openai-chat"]?.script(calls("exec_command", { cmd: "echo from-the-shell" }), says("That was all."));
      const args = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "Run it."];
      works(await program("codex", args, dir, { CODEX_HOME: dir, PLINTH_TOKEN: gateway.token }));
    },
    120_000,
  );

  it.skipIf(!hasPeer("@anthropic-ai/claude-code", "claude"))(
    "claude, over messages",
    async () => {
      servers["openai-chat"]?.script(calls("Bash", { command: "echo from-the-shell", description: "Says it" }), says("That was all."));
      const env = { ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_AUTH_TOKEN: gateway.token, ANTHROPIC_MODEL: MODEL, IS_SANDBOX: "1" };
      const quiet = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" };
      works(await program("claude", ["-p", "Run it.", "--allowedTools", "Bash"], await folder("claude"), { ...env, ...quiet }));
    },
    120_000,
  );

  it.skipIf(!hasPeer("opencode-linux-x64", "opencode"))(
    "opencode, over chat completions",
    async () => {
      const dir = await folder("opencode");
      const options = { baseURL: `${gateway.url}/v1`, apiKey: "{env:PLINTH_TOKEN}" };
      const models = { [MODEL]: { name: "model-1", limit: { context: 100_000, output: 4_096 } } };
      const provider = { plinth: { npm: "@ai-sdk/openai-compatible", name: "Plinth", options, models } };
      const settings = { model: `plinth/${MODEL}`, small_model: `plinth/${MODEL}`, autoupdate: false, share: "disabled", provider };
      await writeFile(join(dir, "opencode.json"), JSON.stringify(settings));
      const command = calls("bash", { command: "echo from-the-shell", description: "Says it" });
      servers["openai-chat"]?.script(command, says("That was all."));
      const quiet = { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" };
      const outcome = await program("opencode", ["run", "--title", "Shell", "Run it."], dir, { PLINTH_TOKEN: gateway.token, ...quiet });
      works(outcome);
    },
    120_000,
  );
});
