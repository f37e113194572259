import type { ModelOptions, ModelTool } from "@plinth/sdk";
import { invalid } from "./failure.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** What a request asks for besides its messages, in Plinth's words. */
export interface Asked {
  readonly options: ModelOptions;
  readonly tools: ModelTool[];
  /** Names of fields that were not used, for the header `x-plinth-ignored`. */
  readonly ignored: string[];
}

/** Fields that are read here or by who reads the messages. */
const USED = new Set([
  ...["model", "messages", "stream", "stream_options", "user", "metadata", "n", "modalities"],
  ...["temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "response_format", "reasoning_effort"],
  ...["tools", "tool_choice", "parallel_tool_calls"],
]);

/** Fields that would change the answer's form in a way that cannot be had. */
const REFUSED: Readonly<Record<string, string>> = {
  functions: "use `tools`.",
  function_call: "use `tool_choice`.",
  logprobs: "no model's probabilities are kept. Leave it out.",
  top_logprobs: "no model's probabilities are kept. Leave it out.",
  logit_bias: "models of other makers have other tokens. Leave it out.",
  audio: "answers are text. Leave it out.",
  web_search_options: "use a tool. Leave it out.",
};

/** How `x-plinth-ignored` names what a model could not take. */
const NAMES = new Map([
  ["topP", "top_p"],
  ["maxOutputTokens", "max_completion_tokens"],
  ["thinking", "reasoning_effort"],
  ["output", "response_format"],
  ["toolChoice", "tool_choice"],
  ["parallelTools", "parallel_tool_calls"],
]);

/** Its name comes from a provider, and goes into a header. */
export const nameOf = (param: string): string => NAMES.get(param) ?? param.replace(/[^\w.-]/g, "").slice(0, 64);

export function readParameters(request: Fields): Asked {
  const refuse = (param: string, why: string): never => {
    throw invalid(`\`${param}\` is not supported: ${why}`, param, "unsupported_parameter");
  };
  if (!isEmpty(request.n) && request.n !== 1) refuse("n", "there is one answer. Leave it out or set it to 1.");
  const { modalities } = request;
  if (!isEmpty(modalities) && !(Array.isArray(modalities) && modalities.every((one) => one === "text"))) refuse("modalities", "answers are text.");
  for (const [name, why] of Object.entries(REFUSED)) {
    if (!isEmpty(request[name]) && request[name] !== "none" && request[name] !== "auto") refuse(name, why);
  }
  const tools = readTools(request.tools);
  return {
    tools,
    options: {
      ...number(request, "temperature", "temperature", 0, 2),
      ...number(request, "top_p", "topP", 0, 1),
      ...integer(request, isEmpty(request.max_completion_tokens) ? "max_tokens" : "max_completion_tokens", "maxOutputTokens", 1),
      ...integer(request, "seed", "seed", Number.MIN_SAFE_INTEGER),
      ...readStop(request.stop),
      ...readFormat(request.response_format),
      ...readEffort(request.reasoning_effort),
      ...readChoice(request.tool_choice, tools),
      ...(typeof request.parallel_tool_calls === "boolean" ? { parallelTools: request.parallel_tool_calls } : {}),
    },
    ignored: Object.keys(request).filter((name) => !USED.has(name) && !isEmpty(request[name]) && /^[\w.-]{1,64}$/.test(name)),
  };
}

export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === false || value === 0 || (typeof value === "object" && Object.keys(value).length === 0);

function number<K extends string>(request: Fields, name: string, ours: K, min: number, max: number): { [N in K]?: number } {
  const value = request[name];
  if (value === undefined || value === null) return {};
  if (typeof value !== "number" || !(value >= min && value <= max)) throw invalid(`\`${name}\` must be a number from ${min} to ${max}.`, name);
  return { [ours]: value } as { [N in K]?: number };
}

function integer<K extends string>(request: Fields, name: string, ours: K, min: number): { [N in K]?: number } {
  const value = request[name];
  if (value === undefined || value === null) return {};
  if (!Number.isSafeInteger(value) || (value as number) < min)
    throw invalid(`\`${name}\` must be a whole number${min === 1 ? " from 1 on" : ""}.`, name);
  return { [ours]: value } as { [N in K]?: number };
}

function readStop(value: unknown): Pick<ModelOptions, "stop"> {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return {};
  const stop: unknown[] = Array.isArray(value) ? value : [value];
  if (stop.length > 16 || !stop.every((one) => typeof one === "string" && one !== "")) {
    throw invalid("`stop` must be a text, or a list of at most 16 texts, none of them empty.", "stop");
  }
  return { stop: stop as string[] };
}

function readFormat(value: unknown): Pick<ModelOptions, "output"> {
  const { type, json_schema: described } = objectOf(value) ?? {};
  if (isEmpty(value) || type === "text") return {};
  if (type === "json_object") return { output: "json" };
  const { name, schema, strict } = objectOf(described) ?? {};
  const given = objectOf(schema);
  if (type !== "json_schema" || given === undefined) {
    throw invalid("`response_format` must be of the type text, json_object, or json_schema with a `schema`.", "response_format");
  }
  return {
    output: {
      schema: given,
      ...(typeof name === "string" ? { name: name.slice(0, 64) } : {}),
      ...(typeof strict === "boolean" ? { strict } : {}),
    },
  };
}

function readEffort(value: unknown): Pick<ModelOptions, "thinking"> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "string" || value === "" || value.length > 64) throw invalid("`reasoning_effort` must be a text.", "reasoning_effort");
  return { thinking: value === "none" ? "off" : { effort: value } };
}

function readTools(value: unknown): ModelTool[] {
  if (isEmpty(value)) return [];
  if (!Array.isArray(value) || value.length > 512) throw invalid("`tools` must be a list of at most 512 tools.", "tools");
  return value.map((one: unknown, index) => {
    const { type, function: told } = objectOf(one) ?? {};
    const { name, description, parameters, strict } = objectOf(told) ?? {};
    const param = `tools[${index}]`;
    if (type !== "function" || typeof name !== "string" || !/^[\w.-]{1,128}$/.test(name)) {
      throw invalid(`\`${param}\` must be of the type function, with a \`name\` of letters, digits, "_", "-" and ".".`, param);
    }
    return {
      name,
      description: typeof description === "string" ? description : "",
      input: objectOf(parameters) ?? { type: "object", properties: {} },
      ...(typeof strict === "boolean" ? { strict } : {}),
    };
  });
}

function readChoice(value: unknown, tools: readonly ModelTool[]): Pick<ModelOptions, "toolChoice"> {
  if (value === undefined || value === null || value === "auto") return {};
  if (value === "none" || value === "required") return { toolChoice: value };
  const { type, function: told } = objectOf(value) ?? {};
  const name = objectOf(told)?.name;
  if (type !== "function" || typeof name !== "string" || !tools.some((tool) => tool.name === name)) {
    throw invalid("`tool_choice` must be auto, none, required, or one of the functions in `tools`.", "tool_choice");
  }
  return { toolChoice: { name } };
}

export const objectOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
