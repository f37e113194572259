import type { ModelOptions, ModelTool } from "@plinth/sdk";
import type { Asked, VendorTool } from "../asking.ts";
import { MESSAGES } from "../fates.ts";
import {
  assertNoneRefused,
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
  assertNoneRefused(request, MESSAGES);
  const { user_id: user } = objectOf(request.metadata) ?? {};
  const known = typeof user === "string" && user !== "" && user.length <= 200;
  return {
    ...readCommon(request),
    conversation: readConversation(request.system, request.messages),
    options: {},
    ...readTools(request.tools),
    session: undefined,
    user: known ? user : undefined,
    ignored: [...unread(request, MESSAGES), ...(user === undefined || known ? [] : ["metadata.user_id"])],
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
    ...readChoice(request.tool_choice, readTools(request.tools).tools),
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

/** Tools of the client; and those that have a day in their name, which the model's vendor knows, and runs or has run by the client. */
function readTools(value: unknown): Pick<Asked, "tools" | "vendorTools"> {
  const tools: ModelTool[] = [];
  const vendorTools: VendorTool[] = [];
  for (const [index, one] of toolList(value).entries()) {
    const { type, name, description, input_schema: input, strict, ...options } = objectOf(one) ?? {};
    const param = `tools[${index}]`;
    if (typeof type === "string" && type !== "custom" && type !== "") {
      if (!/^[a-z_]{1,48}_\d{8}$/.test(type))
        throw unsupported(param, `no model is offered ${type.slice(0, 64)}. Describe a tool with \`input_schema\`.`);
      vendorTools.push({ id: type, options: { ...(typeof name === "string" ? { name } : {}), ...options }, param });
      continue;
    }
    if (!isToolName(name)) throw invalid(`\`${param}\` must have a \`name\` of letters, digits, "_", "-" and ".".`, param);
    const described = typeof description === "string" ? description : "";
    const schema = objectOf(input) ?? { type: "object", properties: {} };
    tools.push({ name, description: described, input: schema, ...(typeof strict === "boolean" ? { strict } : {}) });
  }
  return { tools, vendorTools };
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
