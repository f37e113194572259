import {
  type ModelEndpoint,
  type ModelMessage,
  type ModelRequest,
  originLine,
  type Part,
  partLabel,
  type ToolResultPart,
  toolCallsOf,
  toolResultsOf,
} from "@plinth/sdk";
import { type OutgoingRules, outgoing, ToolNames, type Unsupported } from "@plinth/sdk/kits/model-api";
import type { ContextSizes } from "./context-size.ts";
import type { Known } from "./known-models.ts";

/** What its servers take of a conversation. */
export const RULES: OutgoingRules = { last: "user", reasoning: "within-turn" };

const IMAGES: ReadonlySet<string> = new Set(["image"]);

/** The model is known to take pictures: those of results are sent too. */
export const sees = ({ capabilities }: Known): boolean => capabilities?.has("vision") === true;

export interface ChatRequest {
  readonly body: string;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
}

/** What a thought part carries back to its maker. */
export interface WireExtra {
  thinking?: string;
}

export function chatRequest(endpoint: ModelEndpoint, given: ModelRequest, model: Known, unsupported: Unsupported, sizes: ContextSizes): ChatRequest {
  const hasTools = model.capabilities === undefined || model.capabilities.has("tools");
  if (!hasTools && (given.tools ?? []).length > 0) unsupported.leave("tools", "tools");
  const { request: input } = outgoing(given, { ...RULES, tools: hasTools, ...(sees(model) ? { resultMedia: IMAGES } : {}) });
  const tools = hasTools && input.toolChoice !== "none" ? (input.tools ?? []) : [];
  const names = new ToolNames(tools.map(({ name }) => name));
  leaveOut(input, tools.length > 0, unsupported);
  const system = (input.system ?? []).map(({ text }) => text).join("\n\n");
  const messages: WireMessage[] = [
    ...(system === "" ? [] : [{ role: "system", content: system }]),
    ...input.messages.flatMap((message) => wireMessages(message, names, unsupported, model)),
  ];
  const wireTools = tools.map(({ name, description, input: parameters }) => ({
    type: "function",
    function: { name: names.wire(name), description, parameters },
  }));
  const images = messages.reduce((sum, message) => sum + (message.images?.length ?? 0), 0);
  const texts = messages.map((message) => ({ ...message, images: [] }));
  const bytes = new TextEncoder().encode(JSON.stringify([texts, wireTools])).length;
  const { maxOutputTokens, temperature, topP, seed, stop, output } = input;
  const format = output === undefined || output === "text" ? undefined : output === "json" ? "json" : output.schema;
  const body = JSON.stringify({
    model: input.model,
    messages,
    ...(wireTools.length === 0 ? {} : { tools: wireTools }),
    ...present({ format, think: thinkOf(input, unsupported), keep_alive: endpoint.quirks?.keepAlive }),
    options: present({
      num_ctx: sizes.of(endpoint, input.model, model, { bytes, images, output: maxOutputTokens }),
      num_predict: maxOutputTokens,
      temperature,
      top_p: topP,
      seed,
      stop,
    }),
    // Newer servers say then that it is too long; others do not know the word.
    truncate: false,
    ...(input.vendor?.[endpoint.vendor] as object | undefined),
    stream: true,
  });
  return { body, toolNames: names.sent };
}

function leaveOut({ toolChoice, parallelTools, serverTools = [] }: ModelRequest, hasTools: boolean, unsupported: Unsupported): void {
  for (const { id } of serverTools) unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id.slice(0, 64))}`);
  if (hasTools && toolChoice !== undefined && toolChoice !== "auto")
    unsupported.leave("toolChoice", `the choice of tools ${JSON.stringify(toolChoice)}`);
  if (hasTools && parallelTools === false) unsupported.leave("parallelTools", "a bound of one call");
}

function thinkOf({ thinking }: ModelRequest, unsupported: Unsupported): unknown {
  if (thinking === undefined) return undefined;
  if (thinking === "off" || ("effort" in thinking && thinking.effort === "none")) return false;
  if ("effort" in thinking) return ["low", "medium", "high"].includes(thinking.effort) ? thinking.effort : true;
  unsupported.leave("thinking", "a budget of tokens for thinking; it takes an effort");
  return undefined;
}

interface WireMessage {
  role: string;
  content: string;
  thinking?: string;
  images?: string[];
  tool_calls?: object[];
  tool_name?: string;
  tool_call_id?: string;
}

function wireMessages(message: ModelMessage, names: ToolNames, unsupported: Unsupported, model: Known): WireMessage[] {
  const { role, content } = message;
  if (role === "tool") {
    return toolResultsOf(content).map((result) => ({
      role,
      tool_name: names.wire(result.name),
      tool_call_id: result.callId,
      content: `${originLine(result)}${resultText(result, unsupported)}`,
    }));
  }
  if (role === "assistant") {
    const calls = toolCallsOf(content).map(({ id, name, args }) => ({ id, function: { name: names.wire(name), arguments: args } }));
    const thought = content.flatMap((part) => (part.type === "reasoning" ? [((part.opaque?.data ?? {}) as WireExtra).thinking ?? ""] : [])).join("");
    return [
      { role, content: saidIn(content), ...(thought === "" ? {} : { thinking: thought }), ...(calls.length === 0 ? {} : { tool_calls: calls }) },
    ];
  }
  const images: string[] = [];
  const texts = content.map((part) => userText(part, images, unsupported, model));
  return [{ role, content: `${originLine(message)}${texts.join("")}`, ...(images.length === 0 ? {} : { images }) }];
}

const saidIn = (content: readonly Part[]): string =>
  content.map((part) => (part.type === "text" || part.type === "refusal" ? part.text : "")).join("");

/** Images go beside the text; whatever else is no text is named in its place. */
function userText(part: Part, images: string[], unsupported: Unsupported, { capabilities }: Known): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "resource":
      return part.text ?? partLabel(part);
    case "image":
      if (part.base64 !== undefined && capabilities?.has("vision") !== false) {
        images.push(part.base64);
        return "";
      }
      break;
    case "audio":
    case "video":
    case "file":
      break;
    default:
      return "";
  }
  unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
  return `${partLabel(part)} cannot be sent over this connection.`;
}

function resultText({ content, isError }: ToolResultPart, unsupported: Unsupported): string {
  const parts = content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "resource" && part.text !== undefined) return [part.text];
    if (part.type === "opaque" || part.type === "citation") return [];
    unsupported.leave("messages", `a tool's result of the kind ${part.type}`);
    return [`${partLabel(part)} is shown to the person; this connection cannot send it to the model.`];
  });
  const text = parts.join("\n") || "(no output)";
  return isError ? `The call failed: ${text}` : text;
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
