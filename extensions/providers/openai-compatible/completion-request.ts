import { type ModelRequest, textOf } from "@plinth/sdk";
import { ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import type { Endpoint } from "./endpoint.ts";
import { wireMessages } from "./wire-messages.ts";

/** A request's body as JSON text, how the names of its tools map back, and what was left out of it. */
export interface CompletionRequest {
  readonly body: string;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

export function completionRequest(endpoint: Endpoint, input: ModelRequest, usage: boolean): CompletionRequest {
  const { vendor, own } = endpoint;
  const unsupported = new Unsupported(vendor.title, input);
  const names = new ToolNames((input.tools ?? []).map(({ name }) => name));
  const maxTokens = own && vendor.maxTokensField ? vendor.maxTokensField : "max_tokens";
  const system = textOf(input.system ?? []) === "" ? undefined : (input.system ?? []).map(({ text }) => text).join("\n\n");
  const body = JSON.stringify({
    model: input.model,
    messages: [
      ...(system === undefined ? [] : [{ role: "system", content: system }]),
      ...input.messages.flatMap((message) => wireMessages(message, names, unsupported)),
    ],
    ...toolFields(input, names, unsupported),
    ...outputFields(input),
    ...thinkingFields(input, unsupported),
    ...present({
      temperature: input.temperature,
      top_p: input.topP,
      stop: input.stop,
      seed: input.seed,
      metadata: own && vendor.openai ? input.metadata : undefined,
      prompt_cache_key: own && vendor.openai ? input.cacheKey : undefined,
      [maxTokens]: input.maxOutputTokens,
    }),
    ...(input.vendor?.[vendor.id] as object | undefined),
    stream: true,
    ...(usage ? { stream_options: { include_usage: true } } : {}),
  });
  return { body, toolNames: names.sent, warnings: unsupported.warnings };
}

function toolFields(input: ModelRequest, names: ToolNames, unsupported: Unsupported): object {
  for (const { id } of input.serverTools ?? []) unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id.slice(0, 64))}`);
  const { tools = [], toolChoice, parallelTools } = input;
  if (tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, input: parameters, strict }) => ({
      type: "function",
      function: { name: names.wire(name), description, parameters, ...present({ strict }) },
    })),
    ...present({
      tool_choice: typeof toolChoice === "object" ? { type: "function", function: { name: names.wire(toolChoice.name) } } : toolChoice,
      parallel_tool_calls: parallelTools,
    }),
  };
}

function outputFields({ output }: ModelRequest): object {
  if (output === undefined || output === "text") return {};
  if (output === "json") return { response_format: { type: "json_object" } };
  const { schema, name = "answer", strict } = output;
  return { response_format: { type: "json_schema", json_schema: { name, schema, ...present({ strict }) } } };
}

function thinkingFields({ thinking }: ModelRequest, unsupported: Unsupported): object {
  if (thinking === undefined) return {};
  if (thinking === "off") return { reasoning_effort: "none" };
  if ("effort" in thinking) return { reasoning_effort: thinking.effort };
  unsupported.leave("thinking", "a budget of tokens for thinking; it takes an effort");
  return {};
}

/** The fields that have a value. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
