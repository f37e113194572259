import type { CallToolResult, Tool } from "@modelcontextprotocol/client";
import { type Effect, errorInfo, type SetTool, type ToolResult } from "@plinth/sdk";

type Part = ToolResult["content"][number];

/** Bytes that a result may carry itself, as base64. */
const INLINE_BASE64 = 87_384;

/** A server's tool as the set lists it; null for one whose name or schema is none. What it says of its effects is a hint, no promise. */
export function toolOf(source: string, tool: Tool, effects: Effect[] | undefined, timeoutMs: number): SetTool | null {
  const { name, title, description = "", inputSchema, outputSchema, annotations = {} } = tool;
  if (typeof name !== "string" || name === "" || name.length > 256 || (inputSchema as { type?: unknown } | undefined)?.type !== "object") return null;
  const named = title ?? annotations.title;
  const hints = {
    readOnly: annotations.readOnlyHint,
    destructive: annotations.destructiveHint,
    idempotent: annotations.idempotentHint,
    openWorld: annotations.openWorldHint,
  };
  return {
    ...{ name, source, description: description.slice(0, 16_384), input: inputSchema as SetTool["input"], progress: true, timeoutMs },
    ...(named === undefined ? {} : { title: named.slice(0, 200) }),
    ...(outputSchema === undefined ? {} : { output: outputSchema as Record<string, unknown> }),
    ...(effects === undefined ? {} : { effects }),
    ...Object.fromEntries(Object.entries(hints).filter(([, hint]) => typeof hint === "boolean")),
  };
}

/** Keeps bytes that are too many for a result. */
export type Keep = (base64: string, mimeType: string) => Promise<{ id: string; bytes: number }>;

export async function resultOf({ content, structuredContent, isError }: CallToolResult, keep: Keep): Promise<ToolResult> {
  const parts: Part[] = [];
  for (const part of Array.isArray(content) ? content : []) parts.push(...(await partOf(part, keep)));
  if (parts.length === 0 && structuredContent !== undefined) parts.push({ type: "text", text: JSON.stringify(structuredContent) });
  return {
    content: parts,
    outside: true,
    ...(structuredContent === undefined ? {} : { structured: structuredContent }),
    ...(isError === true ? { isError } : {}),
  };
}

/** A kind that is not known here is passed over. */
async function partOf(part: CallToolResult["content"][number], keep: Keep): Promise<Part[]> {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text }];
    case "image":
    case "audio":
      return [await bytes(part.type, part.data, part.mimeType, keep)];
    case "resource_link": {
      const { uri, name, mimeType } = part;
      return [{ type: "resource", uri, name, ...(mimeType === undefined ? {} : { mimeType }) }];
    }
    case "resource": {
      const { uri, mimeType } = part.resource;
      if ("text" in part.resource) return [{ type: "resource", uri, text: part.resource.text, ...(mimeType === undefined ? {} : { mimeType }) }];
      return [await bytes("file", part.resource.blob, mimeType ?? "application/octet-stream", keep)];
    }
    default:
      return [];
  }
}

/** What is too large for a part is kept for it; where that cannot be, it is named. */
async function bytes(type: "image" | "audio" | "file", base64: string, mimeType: string, keep: Keep): Promise<Part> {
  if (base64.length <= INLINE_BASE64) return { type, base64, mimeType };
  try {
    const { id, bytes } = await keep(base64, mimeType);
    return { type, artifact: id, mimeType, bytes };
  } catch (error) {
    return { type: "text", text: `[${type} of ${Math.ceil((base64.length * 3) / 4_096)} KiB was left out: ${errorInfo(error).message}]` };
  }
}
