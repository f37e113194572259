import type { ModelMessage, Part, ToolResultPart } from "@plinth/sdk";

/** A message of before content was a list of parts. */
interface OldMessage {
  role?: unknown;
  text?: unknown;
  toolCalls?: unknown;
  callId?: unknown;
  name?: unknown;
  content?: unknown;
  isError?: unknown;
  from?: unknown;
}

type OldCall = { id?: unknown; name?: unknown; args?: unknown } | null;
type OldPart = { type?: unknown; text?: unknown; mimeType?: unknown; base64?: unknown } | null;

/** What a part may carry itself. */
const MAX_BASE64 = 87_384;

/** A stored message in today's shape, whichever one it was written in; undefined where it is damaged. */
export function modernMessage(stored: unknown): ModelMessage | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const message = stored as OldMessage;
  const { role, text, toolCalls, callId, name, content, isError, from } = message;
  if (role === "tool" && typeof callId === "string") {
    const result: ToolResultPart = {
      type: "tool-result",
      callId,
      name: typeof name === "string" ? name : "",
      content: Array.isArray(content) ? content.flatMap(oldPart) : [],
      ...(isError === true ? { isError } : {}),
      ...(typeof from === "string" ? { from } : {}),
    };
    return { role, content: [result] };
  }
  if (role !== "user" && role !== "assistant" && role !== "tool") return undefined;
  if (Array.isArray(content)) return stored as ModelMessage;
  if (typeof text !== "string") return undefined;
  const calls = Array.isArray(toolCalls) ? toolCalls.flatMap(oldCall) : [];
  return { role, content: [...(text === "" ? [] : [{ type: "text" as const, text }]), ...calls] };
}

function oldCall(call: OldCall): Part[] {
  if (typeof call?.id !== "string" || typeof call.name !== "string") return [];
  return [{ type: "tool-call", id: call.id, name: call.name, args: (call.args ?? {}) as Record<string, unknown> }];
}

function oldPart(part: OldPart): ToolResultPart["content"] {
  if (part?.type === "text" && typeof part.text === "string") return [{ type: "text", text: part.text }];
  if (part?.type !== "image" || typeof part.base64 !== "string") return [];
  const mimeType = typeof part.mimeType === "string" ? part.mimeType : "image/png";
  // Larger ones are artifacts today, and this one never was any.
  if (part.base64.length > MAX_BASE64) return [{ type: "text", text: `[image, ${mimeType}: too large to be shown]` }];
  return [{ type: "image", mimeType, base64: part.base64 }];
}
