import type { ToolResult } from "@plinth/sdk";

const MAX_IMAGE_CHARS = 8_000_000;

/** A failed call as the model reads it: what happened, and the code for people. */
export function failure(code: string, message: string): ToolResult {
  return { content: [{ type: "text", text: `${message} (${code})` }], isError: true };
}

export function isToolResult(value: unknown): value is ToolResult {
  const content = (value as { content?: unknown } | null | undefined)?.content;
  if (!Array.isArray(content)) return false;
  return content.every((part) => (part?.type === "text" ? typeof part.text === "string" : part?.type === "image" && typeof part.base64 === "string"));
}

/** Bound what a model is sent. The middle is left out: beginnings and ends say most. */
export function bounded(result: ToolResult, maxChars: number): ToolResult {
  let size = 0;
  let large = false;
  for (const part of result.content) {
    if (part.type === "text") size += part.text.length;
    else large ||= part.base64.length > MAX_IMAGE_CHARS;
  }
  if (size <= maxChars && !large) return result;
  let left = maxChars;
  const content = result.content.map((part): ToolResult["content"][number] => {
    if (part.type === "image") {
      return part.base64.length <= MAX_IMAGE_CHARS ? part : { type: "text", text: "[an image was left out: it is too large]" };
    }
    const text = shorten(part.text, left);
    left -= Math.min(left, part.text.length);
    return { type: "text", text };
  });
  return { ...result, content };
}

function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = Math.floor(max * 0.75);
  const tail = max - head;
  const end = tail > 0 ? text.slice(-tail) : "";
  // A cut through a surrogate pair would not be valid text any more.
  return `${text.slice(0, head)}\n[… ${text.length - max} characters were left out here …]\n${end}`.toWellFormed();
}
