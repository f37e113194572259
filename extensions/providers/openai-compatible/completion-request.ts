import { type Client, type ModelMessage, originLine } from "@plinth/sdk";
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
      ...input.messages.filter(saysSomething).map((message) => wireMessage(message, wire)),
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
const saysSomething = (message: ModelMessage): boolean => message.role !== "assistant" || message.text !== "" || (message.toolCalls?.length ?? 0) > 0;

function wireMessage(message: ModelMessage, wire: (name: string) => string): object {
  if (message.role === "user") return { role: "user", content: `${originLine(message)}${message.text}` };
  if (message.role === "assistant") {
    const { text, toolCalls = [] } = message;
    if (toolCalls.length === 0) return { role: "assistant", content: text };
    return {
      role: "assistant",
      content: text === "" ? null : text,
      tool_calls: toolCalls.map(({ id, name, args }) => ({
        id,
        type: "function",
        function: { name: wire(name), arguments: JSON.stringify(args) },
      })),
    };
  }
  return { role: "tool", tool_call_id: message.callId, content: `${originLine(message)}${resultText(message)}` };
}

function resultText({ content, isError }: Extract<ModelMessage, { role: "tool" }>): string {
  const parts = content.map((part) =>
    part.type === "text"
      ? part.text
      : `[An image (${part.mimeType}, ${Math.ceil((part.base64.length * 3) / 4096)} KiB) is shown to the person; this connection cannot send it to the model.]`,
  );
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
