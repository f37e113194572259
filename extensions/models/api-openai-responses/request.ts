import { type ModelEndpoint, type ModelInfo, type ModelRequest, textOf } from "@plinth/sdk";
import { type OutgoingRules, outgoing, ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import { inputItems } from "./items.ts";
import { type Quirks, quirksOf } from "./quirks.ts";

/** What its servers take of a conversation. */
export const RULES: OutgoingRules = { toolIds: "sixty-four" };

/** A request's body, how the names of its tools map back, and what was left out of it. */
export interface ResponsesRequest {
  readonly body: Record<string, unknown>;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

/** What the model's own server tools are called, by our names. */
const SERVER_TOOLS: Readonly<Record<string, string>> = {
  "web-search": "web_search",
  "file-search": "file_search",
  "code-execution": "code_interpreter",
  "image-generation": "image_generation",
  mcp: "mcp",
};

/** Fields that are hints: without them the answer is the same. */
const HINTS: ReadonlySet<string> = new Set(["prompt_cache_key", "parallel_tool_calls", "include"]);

/** By the field of the body, the field of the request that it comes from. */
const PARAMS: Readonly<Record<string, string>> = {
  max_output_tokens: "maxOutputTokens",
  top_p: "topP",
  tool_choice: "toolChoice",
  reasoning: "thinking",
  text: "output",
};

/** The longest that OpenAI takes. */
const CACHE_KEY = 64;

/** The body of `POST /responses`: https://platform.openai.com/docs/api-reference/responses/create */
export function responsesRequest(endpoint: ModelEndpoint, given: ModelRequest): ResponsesRequest {
  const { request: input } = outgoing(given, RULES);
  const quirks = quirksOf(endpoint);
  const unsupported = new Unsupported(endpoint.title, input);
  const names = new ToolNames((input.tools ?? []).map(({ name }) => name));
  const info = endpoint.models?.find(({ id, aliases }) => id === input.model || aliases?.includes(input.model));
  const marks = info?.cache === "marked";
  const messages = inputItems(input.messages, {
    vendor: endpoint.vendor,
    model: input.model,
    names,
    unsupported,
    reasoning: quirks.noEncryptedReasoning !== true,
    itemIds: quirks.noItemIds !== true,
    textResults: quirks.textResults === true,
    marks,
  });
  if (input.stop !== undefined) unsupported.leave("stop", "words that end the answer");
  if (input.seed !== undefined) unsupported.leave("seed", "a seed");
  const own = { ...quirks.extraBody, ...(input.vendor?.[endpoint.vendor] as object | undefined) };
  const body = merged(
    {
      model: input.model,
      ...systemFields(input, quirks, messages, marks),
      ...toolFields(input, quirks, names, unsupported),
      ...outputFields(input),
      ...reasoningFields(input, quirks, info, unsupported),
      ...present({
        temperature: sampling(input.temperature, "temperature", info, unsupported),
        top_p: sampling(input.topP, "topP", info, unsupported),
        max_output_tokens: input.maxOutputTokens,
        metadata: input.metadata,
        prompt_cache_key: input.cacheKey?.slice(-CACHE_KEY),
        include: quirks.noEncryptedReasoning ? undefined : ["reasoning.encrypted_content"],
      }),
      store: quirks.store === true,
      stream: true,
    },
    own,
  );
  for (const field of quirks.leaveOut ?? []) {
    if (body[field] === undefined) continue;
    if (!HINTS.has(field) && !(field in own)) unsupported.leave(PARAMS[field] ?? field, `the field ${field}`);
    delete body[field];
  }
  return { body, toolNames: names.sent, warnings: unsupported.warnings };
}

function systemFields(
  { system = [] }: ModelRequest,
  { systemRole = "instructions", instructions }: Quirks,
  messages: object[],
  marks: boolean,
): object {
  const parts = system.filter(({ text }) => text !== "");
  if (textOf(parts) === "") return { ...present({ instructions }), input: messages };
  const marked = marks && parts.some(({ cache }) => cache);
  if (systemRole === "instructions" && !marked) return { instructions: parts.map(({ text }) => text).join("\n\n"), input: messages };
  const content = parts.map(({ text, cache }) => ({
    type: "input_text",
    text,
    ...(marked && cache ? { prompt_cache_breakpoint: { mode: "explicit" } } : {}),
  }));
  const role = systemRole === "instructions" ? "developer" : systemRole;
  return { ...present({ instructions }), input: [{ type: "message", role, content }, ...messages] };
}

function toolFields(input: ModelRequest, { serverTools = SERVER_TOOLS }: Quirks, names: ToolNames, unsupported: Unsupported): object {
  const { tools = [], toolChoice, parallelTools } = input;
  const all: object[] = tools.map(({ name, description, input: parameters, strict = false }) => ({
    type: "function",
    name: names.wire(name),
    description,
    parameters,
    strict,
  }));
  for (const { id, options } of input.serverTools ?? []) {
    const type = serverTools[id];
    if (type === undefined) unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id)}`);
    else all.push({ type, ...(type === "code_interpreter" ? { container: { type: "auto" } } : {}), ...options });
  }
  if (all.length === 0) return {};
  return {
    tools: all,
    ...present({
      tool_choice: typeof toolChoice === "object" ? { type: "function", name: names.wire(toolChoice.name) } : toolChoice,
      parallel_tool_calls: parallelTools,
    }),
  };
}

function outputFields({ output }: ModelRequest): object {
  if (output === undefined || output === "text") return {};
  if (output === "json") return { text: { format: { type: "json_object" } } };
  const { schema, name = "answer", strict } = output;
  return { text: { format: { type: "json_schema", name, schema, ...present({ strict }) } } };
}

/** A summary is asked for where the model is known to think, or is told how much: others refuse the field. */
function reasoningFields({ thinking }: ModelRequest, quirks: Quirks, info: ModelInfo | undefined, unsupported: Unsupported): object {
  const { summary = "auto", offEffort = "none" } = quirks;
  const summed = summary === "none" ? {} : { summary };
  if (thinking === undefined) return info?.thinking === undefined || summary === "none" ? {} : { reasoning: summed };
  if (thinking === "off") {
    if (info?.thinking?.always !== true) return { reasoning: { effort: offEffort } };
    unsupported.leave("thinking", "that it does not think");
    return {};
  }
  if ("effort" in thinking) return { reasoning: { effort: thinking.effort, ...summed } };
  unsupported.leave("thinking", "a budget of tokens for thinking; it takes an effort");
  return {};
}

function sampling(value: number | undefined, param: string, info: ModelInfo | undefined, unsupported: Unsupported): number | undefined {
  if (value === undefined || info?.sampling !== false) return value;
  unsupported.leave(param, `a ${param === "topP" ? "topP" : "temperature"}`);
  return undefined;
}

/** A vendor's own fields win; objects such as `text` and `reasoning` keep what only one side says. */
function merged(fields: Record<string, unknown>, own: Record<string, unknown>): Record<string, unknown> {
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
  const all = { ...fields };
  for (const [name, value] of Object.entries(own)) {
    const present = all[name];
    all[name] = isObject(present) && isObject(value) ? { ...present, ...value } : value;
  }
  return all;
}

/** The fields that have a value. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
