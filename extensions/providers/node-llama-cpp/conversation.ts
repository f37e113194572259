import { type ModelMessage, type ModelRequest, originLine, type Part, partLabel, type ToolResultPart, toolResultsOf } from "@plinth/sdk";
import { type OutgoingRules, outgoing, ToolNames, type Unsupported, withoutStandIns } from "@plinth/sdk/kits/model-api";
import { grammarSchema } from "./grammar-schema.ts";
import type { Completion, HistoryCall, HistoryItem, Tool } from "./messages.ts";

const RULES: OutgoingRules = { last: "user", reasoning: "never" };
/** As llama.cpp's own programs have them, where nothing else is asked for. */
const USUAL = { temperature: 0.8, topP: 0.95 };
/** A whole answer that is a call, for a model that has to make one. */
const CALL_ONLY = "Answer with one call of a tool and nothing else: a JSON object with the tool's name in name and its arguments in arguments.";

export interface Prepared {
  readonly completion: Completion;
  /** A call whose whole answer is JSON: the model had no choice. */
  readonly isCall: boolean;
  /** The call as it was asked for: the tool's own name, and no nulls that stand for nothing. */
  call(name: string, params: unknown): { name: string; args: Record<string, unknown> };
}

/**
 * A request in the library's words.
 *
 * @param hasTools the model's template has tools.
 */
export function prepared(given: ModelRequest, hasTools: boolean, unsupported: Unsupported): Prepared {
  const { tools: offered = [], toolChoice = "auto" } = given;
  if (!hasTools && offered.length > 0) unsupported.leave("tools", "tools");
  leaveOut(given, unsupported);
  const { request } = outgoing(given, { ...RULES, tools: hasTools });
  const may =
    !hasTools || toolChoice === "none" ? [] : typeof toolChoice === "object" ? offered.filter(({ name }) => name === toolChoice.name) : offered;
  const names = new ToolNames(may.map(({ name }) => name));
  const tools = Object.fromEntries(
    may.map(({ name, description, input }): [string, Tool] => [
      names.wire(name),
      { description, params: grammarSchema({ type: "object", ...input }, "null") },
    ]),
  );
  const isCall = may.length > 0 && toolChoice !== "auto";
  const json = isCall ? { schema: callSchema(tools) } : outputOf(request);
  const system = [...(request.system ?? []).map(({ text }) => text), ...(isCall ? [told(tools)] : [])].join("\n\n");
  return {
    isCall,
    completion: {
      history: [...(system === "" ? [] : [{ type: "system" as const, text: system }]), ...historyOf(request.messages, names, unsupported)],
      // A grammar and free calls exclude each other.
      tools: json === null ? tools : {},
      json,
      calls: request.parallelTools === false ? 1 : null,
      stop: request.stop ?? [],
      maxTokens: request.maxOutputTokens ?? null,
      temperature: request.temperature ?? USUAL.temperature,
      topP: request.topP ?? USUAL.topP,
      seed: request.seed === undefined ? null : Math.abs(request.seed) % 0xffff_ffff,
      thoughtTokens: thoughtsOf(request, unsupported),
    },
    call(wire, params) {
      const name = names.sent.get(wire) ?? wire;
      const input = may.find((one) => one.name === name)?.input ?? {};
      const args = typeof params === "object" && params !== null && !Array.isArray(params) ? (params as Record<string, unknown>) : {};
      return { name, args: withoutStandIns(input, args) };
    },
  };
}

/** What is counted of a request: its conversation and its tools. */
export function counted(request: ModelRequest, hasTools: boolean, unsupported: Unsupported): Pick<Completion, "history" | "tools"> {
  const { history, tools } = prepared({ ...request, toolChoice: "auto" }, hasTools, unsupported).completion;
  return { history, tools };
}

function leaveOut({ serverTools = [], output, tools = [], toolChoice = "auto" }: ModelRequest, unsupported: Unsupported): void {
  if (serverTools.length > 0) unsupported.leave("serverTools", "tools of its own");
  if (output !== undefined && output !== "text" && tools.length > 0 && toolChoice === "auto")
    unsupported.leave("tools", "tools where the whole answer has to be JSON");
}

const callSchema = (tools: Readonly<Record<string, Tool>>): unknown => ({
  oneOf: Object.entries(tools).map(([name, { params }]) => ({ type: "object", properties: { name: { const: name }, arguments: params } })),
});

const told = (tools: Readonly<Record<string, Tool>>): string =>
  `${CALL_ONLY}\n\n${Object.entries(tools)
    .map(([name, { description, params }]) => JSON.stringify({ name, description, arguments: params }))
    .join("\n")}`;

function outputOf({ output = "text" }: ModelRequest): Completion["json"] {
  if (output === "text") return null;
  return output === "json" ? true : { schema: grammarSchema(output.schema) };
}

function thoughtsOf({ thinking }: ModelRequest, unsupported: Unsupported): number | null {
  if (thinking === undefined) return null;
  if (thinking === "off") return 0;
  if ("budgetTokens" in thinking) return thinking.budgetTokens;
  unsupported.leave("thinking", "an effort of thinking; it takes a budget of tokens");
  return null;
}

/** What an assistant says and calls until somebody else speaks is one answer; a call holds its result. */
function historyOf(messages: readonly ModelMessage[], names: ToolNames, unsupported: Unsupported): HistoryItem[] {
  const results = new Map(messages.flatMap(({ content }) => toolResultsOf(content)).map((one) => [one.callId, one]));
  const history: HistoryItem[] = [];
  for (const message of messages) {
    if (message.role === "tool") continue;
    if (message.role === "user") {
      history.push({ type: "user", text: `${originLine(message)}${message.content.map((part) => textOfPart(part, unsupported)).join("")}` });
      continue;
    }
    const response: (string | HistoryCall)[] = [];
    for (const part of message.content) {
      if (part.type === "text" || part.type === "refusal") response.push(part.text);
      if (part.type !== "tool-call") continue;
      const startsNewChunk = !response.some((one) => typeof one !== "string");
      const result = results.get(part.id);
      response.push({
        type: "functionCall",
        name: names.wire(part.name),
        params: part.args,
        result: result === undefined ? "(no output)" : resultText(result, unsupported),
        startsNewChunk,
      });
    }
    const last = history.at(-1);
    if (last?.type === "model") history[history.length - 1] = { type: "model", response: [...last.response, ...response] };
    else history.push({ type: "model", response });
  }
  return history;
}

function textOfPart(part: Part, unsupported: Unsupported): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "resource":
      return part.text ?? partLabel(part);
    case "image":
    case "audio":
    case "video":
    case "file":
      unsupported.leave("messages", `a part of the kind ${part.type}: ${partLabel(part)}`);
      return `${partLabel(part)} cannot be read by this model.`;
    default:
      return "";
  }
}

function resultText(result: ToolResultPart, unsupported: Unsupported): string {
  const said = result.content.map((part) => textOfPart(part, unsupported)).filter((text) => text !== "");
  const text = `${originLine(result)}${said.join("\n") || "(no output)"}`;
  return result.isError ? `The call failed: ${text}` : text;
}
