import type { ModelEndpoint, ModelMessage, ModelRequest } from "@plinth/sdk";
import { outgoing, ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import type { Learned } from "./learned.ts";
import type { Quirks } from "./quirks.ts";
import { thinkingFields } from "./thinking.ts";
import { CACHED, WireMessages } from "./wire-messages.ts";

/** A request's body as JSON text, how the names of its tools map back, and what was left out of it. */
export interface CompletionRequest {
  readonly body: string;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

export function completionRequest(endpoint: ModelEndpoint, given: ModelRequest, quirks: Quirks, learned: Learned): CompletionRequest {
  const unsupported = new Unsupported(endpoint.title, given);
  const { noTools } = quirks;
  const { request: input, turn } = outgoing(asUser(given, quirks), quirks.rules);
  const tools = noTools ? [] : (input.tools ?? []);
  if (noTools && (given.tools ?? []).length > 0) unsupported.leave("tools", "tools");
  const names = new ToolNames(tools.map(({ name }) => name));
  const maxTokens = learned.maxTokensField ?? quirks.maxTokensField;
  const messages = wireMessages(input.messages, turn, names, unsupported, quirks);
  const body = JSON.stringify({
    ...quirks.extraBody,
    model: input.model,
    messages: [...systemMessage(input, quirks), ...messages],
    ...toolFields({ ...input, tools }, names, unsupported, quirks),
    ...outputFields(input, unsupported, quirks),
    ...thinkingFields(input, unsupported, quirks),
    ...samplingFields(input, unsupported, quirks),
    ...present({
      stop: input.stop,
      seed: input.seed,
      metadata: quirks.metadata ? input.metadata : undefined,
      [quirks.cacheKey ?? "prompt_cache_key"]: quirks.cacheKey === undefined ? undefined : input.cacheKey,
      [maxTokens]: input.maxOutputTokens,
    }),
    ...(input.vendor?.[endpoint.vendor] as object | undefined),
    stream: true,
    ...(quirks.noStreamOptions || learned.noStreamOptions ? {} : { stream_options: { include_usage: true } }),
  });
  return { body, toolNames: names.sent, warnings: unsupported.warnings };
}

/** Some templates have no role for instructions. */
function asUser(given: ModelRequest, { systemRole }: Quirks): ModelRequest {
  const text = (given.system ?? []).map((part) => part.text).join("\n\n");
  if (systemRole !== "user" || text.trim() === "") return given;
  const { system: _, ...rest } = given;
  const first: ModelMessage = { role: "user", content: [{ type: "text", text }] };
  return { ...rest, messages: [first, ...given.messages] };
}

function systemMessage({ system = [] }: ModelRequest, { systemRole: role, cacheMarks }: Quirks): object[] {
  if (system.length === 0) return [];
  if (!cacheMarks || !system.some(({ cache }) => cache)) return [{ role, content: system.map(({ text }) => text).join("\n\n") }];
  return [{ role, content: system.map(({ text, cache }) => ({ type: "text", text, ...(cache ? CACHED : {}) })) }];
}

/** What was thought in OpenRouter's form goes back always; any other thinking of earlier turns is refused by some servers. */
function wireMessages(messages: readonly ModelMessage[], turn: number, names: ToolNames, unsupported: Unsupported, quirks: Quirks): object[] {
  const wire = new WireMessages(names, unsupported, quirks);
  const { returnReasoning } = quirks;
  return messages.flatMap((message, at) => {
    const all = returnReasoning === "always" || (returnReasoning !== "never" && at > turn);
    return wire.of(message, all ? "all" : returnReasoning === undefined ? "details" : "none");
  });
}

function toolFields(input: ModelRequest, names: ToolNames, unsupported: Unsupported, { toolChoice: takes, noParallelTools }: Quirks): object {
  for (const { id } of input.serverTools ?? []) unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id.slice(0, 64))}`);
  const { tools = [], toolChoice, parallelTools } = input;
  if (tools.length === 0) return {};
  const choice = typeof toolChoice === "object" ? "object" : toolChoice;
  const isTaken =
    choice === undefined ||
    takes === "all" ||
    (choice !== "object" && takes === "no-object") ||
    (takes === "no-required" && choice !== "object" && choice !== "required");
  // Who may call nothing needs no tools.
  if (!isTaken && choice === "none") return {};
  if (!isTaken && choice !== "auto") unsupported.leave("toolChoice", `the choice of tools ${JSON.stringify(toolChoice)}`);
  const named = typeof toolChoice === "object" ? { type: "function", function: { name: names.wire(toolChoice.name) } } : toolChoice;
  return {
    tools: tools.map(({ name, description, input: parameters, strict }) => ({
      type: "function",
      function: { name: names.wire(name), description, parameters, ...present({ strict }) },
    })),
    ...present({ tool_choice: isTaken ? named : undefined, parallel_tool_calls: noParallelTools ? undefined : parallelTools }),
  };
}

function outputFields({ output }: ModelRequest, unsupported: Unsupported, { structured }: Quirks): object {
  if (output === undefined || output === "text") return {};
  if (structured === "none" || (structured === "json" && output !== "json")) {
    unsupported.leave("output", output === "json" ? "an answer in JSON" : "an answer by a schema");
    if (structured === "none") return {};
  }
  if (output === "json" || structured === "json") return { response_format: { type: "json_object" } };
  const { schema, name = "answer", strict } = output;
  return { response_format: { type: "json_schema", json_schema: { name, schema, ...present({ strict }) } } };
}

function samplingFields({ temperature, topP }: ModelRequest, unsupported: Unsupported, { model }: Quirks): object {
  if (model?.sampling !== false) return present({ temperature, top_p: topP });
  if (temperature !== undefined) unsupported.leave("temperature", "a temperature");
  if (topP !== undefined) unsupported.leave("topP", "topP");
  return {};
}

/** The fields that have a value. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
