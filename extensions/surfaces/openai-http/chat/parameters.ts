import type { ModelOptions, ModelTool } from "@plinth/sdk";
import { CHAT } from "../fates.ts";
import {
  assertNoneRefused,
  type Fields,
  integer,
  invalid,
  isEmpty,
  isToolName,
  number,
  objectOf,
  readEffort,
  readSchema,
  readStop,
  toolList,
  unread,
  unsupported,
} from "../fields.ts";

/** What a request asks for besides its messages, in Plinth's words. */
interface Parameters {
  readonly options: ModelOptions;
  readonly tools: ModelTool[];
  /** Names of fields that were not used, for the header `x-plinth-ignored`. */
  readonly ignored: string[];
}

/** What this dialect calls what a model could not take. */
export const NAMES: ReadonlyMap<string, string> = new Map([
  ["topP", "top_p"],
  ["maxOutputTokens", "max_completion_tokens"],
  ["thinking", "reasoning_effort"],
  ["output", "response_format"],
  ["toolChoice", "tool_choice"],
  ["parallelTools", "parallel_tool_calls"],
]);

export function readParameters(request: Fields): Parameters {
  if (!isEmpty(request.n) && request.n !== 1) throw unsupported("n", "there is one answer. Leave it out or set it to 1.");
  const { modalities } = request;
  if (!isEmpty(modalities) && !(Array.isArray(modalities) && modalities.every((one) => one === "text")))
    throw unsupported("modalities", "answers are text.");
  assertNoneRefused(request, CHAT, ["none", "auto"]);
  const tools = readTools(request.tools);
  return {
    tools,
    options: {
      ...number(request, "temperature", "temperature", 0, 2),
      ...number(request, "top_p", "topP", 0, 1),
      ...integer(request, isEmpty(request.max_completion_tokens) ? "max_tokens" : "max_completion_tokens", "maxOutputTokens", 1),
      ...integer(request, "seed", "seed", Number.MIN_SAFE_INTEGER),
      ...readStop(request.stop, "stop"),
      ...readFormat(request.response_format),
      ...readEffort(request.reasoning_effort, "reasoning_effort"),
      ...readChoice(request.tool_choice, tools),
      ...(typeof request.parallel_tool_calls === "boolean" ? { parallelTools: request.parallel_tool_calls } : {}),
    },
    ignored: unread(request, CHAT),
  };
}

function readFormat(value: unknown): Pick<ModelOptions, "output"> {
  const { type, json_schema: described } = objectOf(value) ?? {};
  if (isEmpty(value) || type === "text") return {};
  if (type === "json_object") return { output: "json" };
  const read = type === "json_schema" ? readSchema(described) : undefined;
  if (read !== undefined) return read;
  throw invalid("`response_format` must be of the type text, json_object, or json_schema with a `schema`.", "response_format");
}

function readTools(value: unknown): ModelTool[] {
  return toolList(value).map((one, index) => {
    const { type, function: told } = objectOf(one) ?? {};
    const { name, description, parameters, strict } = objectOf(told) ?? {};
    const param = `tools[${index}]`;
    if (type !== "function" || !isToolName(name)) {
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
