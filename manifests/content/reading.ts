import type { Part, ToolCallPart, ToolResultPart } from "../contracts/content/part.ts";

/** What is said in some parts, without anything between them. A refusal is said too; reasoning is not. */
export function textOf(content: readonly Part[]): string {
  let text = "";
  for (const part of content) if ((part.type === "text" || part.type === "refusal") && isFor(part, "user")) text += part.text;
  return text;
}

export function toolCallsOf(content: readonly Part[]): ToolCallPart[] {
  return content.filter((part): part is ToolCallPart => part.type === "tool-call");
}

export function toolResultsOf(content: readonly Part[]): ToolResultPart[] {
  return content.filter((part): part is ToolResultPart => part.type === "tool-result");
}

/** Whether a part is meant for people, or for the model. Without an audience it is for both. */
export function isFor({ audience }: { readonly audience?: readonly string[] | undefined }, whom: "user" | "model"): boolean {
  return audience === undefined || audience.includes(whom);
}

/** What stands for a part where it cannot be shown or sent, such as `[image diagram.png, image/png, 12 KiB]`. */
export function partLabel(part: Part): string {
  const { type, name, title, mimeType, bytes, base64, uri, url } = part as Partial<Record<string, unknown>>;
  const size = typeof bytes === "number" ? bytes : typeof base64 === "string" ? Math.floor((base64.length * 3) / 4) : undefined;
  const words = [name ?? title ?? uri ?? url, mimeType, size === undefined ? undefined : `${Math.ceil(size / 1024)} KiB`];
  const said = words.filter((word) => typeof word === "string" && word !== "").join(", ");
  return `[${String(type)}${said === "" ? "" : ` ${said}`}]`;
}
