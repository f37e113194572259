import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { says } from "../../agents/native/scripted.testing.ts";
import { CHAT, type Fates, MESSAGES, RESPONSES } from "./fates.ts";
import { type Serving, setUp } from "./serving.testing.ts";

/** It does not compile where a field that the clients' own types have is in no table. */
type Lacking<Params, Table> = Record<Exclude<keyof Params, keyof Table | "betas">, never>;
const chat: Lacking<OpenAI.ChatCompletionCreateParams, typeof CHAT> = {};
const responses: Lacking<OpenAI.Responses.ResponseCreateParams, typeof RESPONSES> = {};
const messages: Lacking<Anthropic.MessageCreateParams & Anthropic.Beta.MessageCreateParams, typeof MESSAGES> = {};

const hello = [{ role: "user", content: "Hi" }];
/** What makes `false` or an object without that field something that is asked for. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  temperature: 0.5,
  top_p: 0.5,
  seed: 1,
  n: 1,
  max_tokens: 5,
  max_completion_tokens: 5,
  max_output_tokens: 5,
  stop: ["x"],
  stop_sequences: ["x"],
  stream_options: { include_usage: true },
  response_format: { type: "json_object" },
  reasoning: { effort: "low" },
  reasoning_effort: "low",
  text: { format: { type: "json_object" } },
  tool_choice: undefined,
  tools: [],
  modalities: ["text"],
  metadata: {},
  parallel_tool_calls: false,
  store: true,
  include: ["reasoning.encrypted_content"],
  truncation: "disabled",
  previous_response_id: undefined,
  thinking: { type: "disabled" },
  output_config: { effort: "low" },
  output_format: { type: "json_schema", schema: { type: "object" } },
  stream: false,
  conversation: "c",
  input: "Hi",
  messages: hello,
  model: "scripted/m",
};

const post = async ({ url, token }: Serving, path: string, body: object) => {
  const response = await fetch(`${url}/v1/${path}`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
  const ignored = (response.headers.get("x-plinth-ignored") ?? "").split(", ").filter(Boolean);
  return { status: response.status, ignored, error: ((await response.json()) as any).error };
};

const ITEM = { tools: { name: "t", type: "function", function: { name: "t" } }, content: { type: "text", text: "Hi" } };

/** A request in which something stands at the path. */
function bodyWith(base: any, path: string, value: unknown): any {
  const [name, ...rest] = path.split(".") as [string, ...string[]];
  if (rest.length === 0) return { ...base, [name]: value };
  if (name === "content")
    return { ...base, content: [bodyWith({ type: base.kind ?? "text", text: "Hi", image_url: undefined }, rest.join("."), value)] };
  if (name === "messages" || name === "input") return { ...base, [name]: [bodyWith({ role: "user", content: "Hi" }, rest.join("."), value)] };
  if (name === "tools") return { ...base, tools: [bodyWith(ITEM.tools, rest.join("."), value)] };
  return { ...base, [name]: bodyWith(base[name] ?? {}, rest.join("."), value) };
}

describe.each<[string, Fates, object]>([
  ["chat/completions", CHAT, { ...chat, model: "scripted/m", messages: hello }],
  ["responses", RESPONSES, { ...responses, model: "scripted/m", input: "Hi" }],
  ["messages", MESSAGES, { ...messages, model: "scripted/m", max_tokens: 5, messages: hello }],
])("every documented field of /v1/%s", (path, fates, base) => {
  it("is refused in words, or named where it is not used, or neither", async () => {
    await using api = await setUp(says("ok"));
    for (const [field, fate] of Object.entries(fates)) {
      const value = field in SAMPLES && fate === true ? SAMPLES[field] : "something";
      const typed = path === "messages" && field.startsWith("tools.") ? { ...ITEM.tools, type: "custom" } : ITEM.tools;
      const body = bodyWith(base, field, value);
      if (field.startsWith("tools.")) body.tools = [{ ...body.tools[0], type: typed.type }];
      if (field.startsWith("thinking.")) body.thinking.type = "adaptive";
      if (field.includes("image_url"))
        body.messages[0].content = [{ type: "image_url", image_url: { url: "https://a.example/a.png", detail: "low" } }];
      if (field === "input.content.detail") body.input[0].content = [{ type: "input_image", image_url: "https://a.example/a.png", detail: "low" }];
      // Only an agent remembers chat completions.
      if (field === "metadata")
        Object.assign(body, path === "messages" ? {} : { model: "plinth" }, { metadata: path === "messages" ? { user_id: "u" } : { session: "s" } });
      const answer = await post(api, path, body);
      const told = [answer.status, answer.ignored, answer.error?.param ?? null];
      if (typeof fate === "string") {
        expect(told, field).toEqual([400, [], field]);
        expect(answer.error.message).toContain(fate);
      } else expect(told, `${field} ${answer.error?.message}`).toEqual([200, fate ? [] : [field], null]);
    }
  });
});
