import type { ModelOptions, ModelTool } from "@plinth/sdk";
import type { Asked } from "../asking.ts";
import {
  type Fields,
  integer,
  invalid,
  isEmpty,
  isToolName,
  number,
  objectOf,
  parseBody,
  readCommon,
  readEffort,
  readSchema,
  readSession,
  readStop,
  toolList,
  unread,
  unsupported,
} from "../fields.ts";
import { readConversation } from "./content.ts";

const USED = new Set([
  ...["model", "messages", "system", "stream", "metadata", "max_tokens", "temperature", "top_p", "stop_sequences"],
  ...["tools", "tool_choice", "thinking", "output_config", "output_format"],
]);

/** Fields that would have work done that is not done here. */
const REFUSED: Readonly<Record<string, string>> = {
  container: "no code is run for the model here. Leave it out.",
  mcp_servers: "name their tools in `tools`, and answer the calls. Leave it out.",
  fallbacks: "name the models in the configuration of plinth.models. Leave it out.",
};

const NAMES: ReadonlyMap<string, string> = new Map([
  ["topP", "top_p"],
  ["maxOutputTokens", "max_tokens"],
  ["stop", "stop_sequences"],
  ["output", "output_config.format"],
  ["toolChoice", "tool_choice"],
  ["parallelTools", "tool_choice.disable_parallel_tool_use"],
]);

/** What one request of the Messages API asks for. @param header the value of `x-plinth-session`. */
export function readMessagesRequest(body: string, header: string | undefined): Asked {
  const request = parseBody(body);
  if (!Number.isSafeInteger(request.max_tokens)) throw invalid("`max_tokens` must be a whole number from 1 on.", "max_tokens");
  return { ...readCounted(request), options: readOptions(request), session: readSession(header, "x-plinth-session") };
}

/** A request whose tokens are to be counted: without limits, and without an answer. */
export const readCountRequest = (body: string): Asked => readCounted(parseBody(body));

function readCounted(request: Fields): Asked {
  for (const [name, why] of Object.entries(REFUSED)) if (!isEmpty(request[name])) throw unsupported(name, why);
  const { user_id: user } = objectOf(request.metadata) ?? {};
  const known = typeof user === "string" && user !== "" && user.length <= 200;
  return {
    ...readCommon(request),
    conversation: readConversation(request.system, request.messages),
    options: {},
    tools: readTools(request.tools),
    session: undefined,
    user: known ? user : undefined,
    ignored: unread(request, USED),
    names: NAMES,
  };
}

function readOptions(request: Fields): ModelOptions {
  const { effort, format } = objectOf(request.output_config) ?? {};
  return {
    ...integer(request, "max_tokens", "maxOutputTokens", 1),
    ...number(request, "temperature", "temperature", 0, 1),
    ...number(request, "top_p", "topP", 0, 1),
    ...readStop(request.stop_sequences, "stop_sequences"),
    ...readEffort(effort, "output_config.effort"),
    ...readThinking(request.thinking),
    ...readFormat(format ?? request.output_format),
    ...readChoice(request.tool_choice, readTools(request.tools)),
  };
}

function readThinking(value: unknown): Pick<ModelOptions, "thinking"> {
  const { type, budget_tokens: budgetTokens } = objectOf(value) ?? {};
  if (isEmpty(value) || type === "adaptive") return {};
  if (type === "disabled") return { thinking: "off" };
  if (type === "enabled" && Number.isSafeInteger(budgetTokens) && (budgetTokens as number) > 0)
    return { thinking: { budgetTokens: budgetTokens as number } };
  throw invalid("`thinking` must be of the type adaptive, disabled, or enabled with `budget_tokens`.", "thinking");
}

function readFormat(value: unknown): Pick<ModelOptions, "output"> {
  if (isEmpty(value)) return {};
  const read = objectOf(value)?.type === "json_schema" ? readSchema(value) : undefined;
  if (read === undefined) throw invalid("`output_config.format` must be of the type json_schema with a `schema`.", "output_config");
  return read;
}

function readTools(value: unknown): ModelTool[] {
  return toolList(value).flatMap((one, index) => {
    const { type, name, description, input_schema: input, strict } = objectOf(one) ?? {};
    const param = `tools[${index}]`;
    if (typeof type === "string" && type !== "custom" && type !== "")
      throw unsupported(param, `${type} is a tool of Anthropic's server. Describe one of your own with \`input_schema\`.`);
    if (!isToolName(name)) throw invalid(`\`${param}\` must have a \`name\` of letters, digits, "_", "-" and ".".`, param);
    const described = typeof description === "string" ? description : "";
    const schema = objectOf(input) ?? { type: "object", properties: {} };
    return [{ name, description: described, input: schema, ...(typeof strict === "boolean" ? { strict } : {}) }];
  });
}

function readChoice(value: unknown, tools: readonly ModelTool[]): Pick<ModelOptions, "toolChoice" | "parallelTools"> {
  const { type, name, disable_parallel_tool_use: single } = objectOf(value) ?? {};
  const parallel = typeof single === "boolean" ? { parallelTools: !single } : {};
  if (isEmpty(value) || type === "auto") return parallel;
  if (type === "none") return { toolChoice: "none" };
  if (type === "any") return { toolChoice: "required", ...parallel };
  if (type === "tool" && typeof name === "string" && tools.some((tool) => tool.name === name)) return { toolChoice: { name }, ...parallel };
  throw invalid("`tool_choice` must be of the type auto, any, none, or tool with the name of one in `tools`.", "tool_choice");
}
