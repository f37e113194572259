import { type ContentPart, partLabel, type ToolResult } from "@plinth/sdk";

/** What a part may carry itself, as in the contract; larger ones are artifacts. */
const MAX_BASE64 = 87_384;
/** Parts of one result. */
const MAX_PARTS = 1_000;

/** A failed call as the model reads it: what happened, and the code for people. */
export function failure(code: string, message: string): ToolResult {
  return { content: [{ type: "text", text: `${message} (${code})` }], isError: true };
}

export function isToolResult(value: unknown): value is ToolResult {
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return Array.isArray(content) && content.length <= MAX_PARTS && content.every(isPart);
}

/** A kind that is not known here is let through: whoever reads it later may know it. */
function isPart(part: Record<string, unknown> | null): boolean {
  if (typeof part?.type !== "string") return false;
  if (part.type === "text") return typeof part.text === "string";
  if (part.type === "resource") return typeof part.uri === "string";
  if (!BYTES.has(part.type)) return true;
  return typeof part.mimeType === "string" && [part.artifact, part.url, part.base64].filter((one) => typeof one === "string").length === 1;
}

const BYTES = new Set(["image", "audio", "video", "file"]);

/** Bound what a model is sent. The middle of a text is left out: beginnings and ends say most. */
export function bounded(result: ToolResult, maxChars: number): ToolResult {
  let size = 0;
  for (const part of result.content) size += part.type === "text" ? part.text.length : sizeOf(part);
  if (size <= maxChars && !result.content.some(isLarge)) return result;
  let left = maxChars;
  const content = result.content.map((part): ContentPart => {
    if (part.type === "text") {
      const text = shorten(part.text, left);
      left -= Math.min(left, part.text.length);
      return text === part.text ? part : { type: "text", text };
    }
    const takes = sizeOf(part);
    if (takes > left || isLarge(part)) return { type: "text", text: `${partLabel(part)} was left out: it is too large.` };
    left -= takes;
    return part;
  });
  return { ...result, content };
}

const isLarge = (part: ContentPart): boolean => "base64" in part && (part.base64?.length ?? 0) > MAX_BASE64;

/** Characters that a part takes beside its own bytes, which have a bound of their own. */
function sizeOf(part: ContentPart): number {
  const { base64: _, ...rest } = part as ContentPart & { base64?: string };
  return JSON.stringify(rest).length;
}

function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = Math.floor(max * 0.75);
  const tail = max - head;
  const end = tail > 0 ? text.slice(-tail) : "";
  // A cut through a surrogate pair would not be valid text any more.
  return `${text.slice(0, head)}\n[… ${text.length - max} characters were left out here …]\n${end}`.toWellFormed();
}
