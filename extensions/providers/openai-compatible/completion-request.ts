import {
  type Client,
  type ModelMessage,
  originLine,
  type Part,
  partLabel,
  type ToolResultPart,
  textOf,
  toolCallsOf,
  toolResultsOf,
} from "@plinth/sdk";
import type { Endpoint } from "./endpoint.ts";

export type CompletionInput = Parameters<Client<"plinth.model-provider">["stream"]>[0];

/** A request's body as JSON text, and how the names of its tools map back. */
export interface CompletionRequest {
  readonly body: string;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
}

export function completionRequest(endpoint: Endpoint, input: CompletionInput, usage: boolean): CompletionRequest {
  const { wire, toolNames } = wireNames(input);
  const { vendor, own } = endpoint;
  const maxTokens = own && vendor.maxTokensField ? vendor.maxTokensField : "max_tokens";
  const body = JSON.stringify({
    model: input.model,
    messages: [
      ...(input.system ? [{ role: "system", content: input.system }] : []),
      ...input.messages.filter(saysSomething).flatMap((message) => wireMessages(message, wire)),
    ],
    ...(input.tools?.length
      ? {
          tools: input.tools.map(({ name, description, input: parameters }) => ({
            type: "function",
            function: { name: wire(name), description, parameters },
          })),
        }
      : {}),
    ...(input.temperature === undefined ? {} : { temperature: input.temperature }),
    ...(input.maxOutputTokens === undefined ? {} : { [maxTokens]: input.maxOutputTokens }),
    stream: true,
    ...(usage ? { stream_options: { include_usage: true } } : {}),
  });
  return { body, toolNames };
}

/** Servers refuse an assistant message that is empty in every way, such as that of an aborted run. */
const saysSomething = ({ role, content }: ModelMessage): boolean => role !== "assistant" || textOf(content) !== "" || toolCallsOf(content).length > 0;

function wireMessages(message: ModelMessage, wire: (name: string) => string): object[] {
  const { role, content } = message;
  if (role === "user") return [{ role, content: userContent(originLine(message), content) }];
  if (role === "assistant") {
    const text = textOf(content);
    const calls = toolCallsOf(content);
    if (calls.length === 0) return [{ role, content: text }];
    const tool_calls = calls.map(({ id, name, args }) => ({ id, type: "function", function: { name: wire(name), arguments: JSON.stringify(args) } }));
    return [{ role, content: text === "" ? null : text, tool_calls }];
  }
  return toolResultsOf(content).map((result) => ({ role, tool_call_id: result.callId, content: `${originLine(result)}${resultText(result)}` }));
}

/** A plain text where there is nothing else: every server takes that. */
function userContent(origin: string, content: readonly Part[]): string | object[] {
  if (content.every(({ type }) => type === "text" || type === "opaque")) return `${origin}${textOf(content)}`;
  const parts = content.flatMap((part) => userPart(part));
  return origin === "" ? parts : [{ type: "text", text: origin }, ...parts];
}

function userPart(part: Part): object[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "image": {
      const url = part.url ?? (part.base64 === undefined ? undefined : `data:${part.mimeType};base64,${part.base64}`);
      return url === undefined ? [unsent(part)] : [{ type: "image_url", image_url: { url } }];
    }
    case "resource":
      return [{ type: "text", text: part.text ?? partLabel(part) }];
    case "audio":
    case "video":
    case "file":
      return [unsent(part)];
    default:
      return [];
  }
}

const unsent = (part: Part): object => ({ type: "text", text: `${partLabel(part)} cannot be sent to the model over this connection.` });

function resultText({ content, isError }: ToolResultPart): string {
  const parts = content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "resource" && part.text !== undefined) return [part.text];
    if (part.type === "opaque") return [];
    return [`${partLabel(part)} is shown to the person; this connection cannot send it to the model.`];
  });
  const text = parts.join("\n") || "(no output)";
  return isError ? `The call failed: ${text}` : text;
}

/** Tool names on the wire are letters, digits, `_` and `-`; ours may have dots too. */
function wireNames(input: CompletionInput): { wire: (name: string) => string; toolNames: Map<string, string> } {
  const toolNames = new Map<string, string>();
  const sent = new Map<string, string>();
  const wire = (name: string): string => {
    const known = sent.get(name);
    if (known !== undefined) return known;
    const base = name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 60) || "tool";
    let candidate = base;
    for (let n = 2; toolNames.has(candidate); n++) candidate = `${base}_${n}`;
    toolNames.set(candidate, name);
    sent.set(name, candidate);
    return candidate;
  };
  // Names that need no change first, so that nothing else takes them.
  const names = (input.tools ?? []).map(({ name }) => name);
  for (const name of names) if (/^[A-Za-z0-9_-]{1,60}$/.test(name)) wire(name);
  for (const name of names) wire(name);
  return { wire, toolNames };
}
