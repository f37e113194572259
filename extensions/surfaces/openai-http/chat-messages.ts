import type { ModelMessage, Part, ToolCallPart } from "@plinth/sdk";
import { invalid } from "./failure.ts";
import { objectOf } from "./parameters.ts";

/** A conversation as its client tells it: instructions apart, the rest in order, the newest last. */
export interface Conversation {
  readonly system: string[];
  readonly messages: ModelMessage[];
}

const ROLES = ["system", "developer", "user", "assistant", "tool"];

/**
 * Messages of the chat completions API (https://platform.openai.com/docs/api-reference/chat/create) as Plinth's. Bytes stand in
 * the parts as base64, whatever their size.
 */
export function readMessages(value: unknown): Conversation {
  if (!Array.isArray(value) || value.length === 0) throw invalid("`messages` must be a list with at least one message.", "messages");
  if (value.length > 10_000) throw invalid("`messages` holds more than 10000 messages.", "messages");
  const system: string[] = [];
  const messages: ModelMessage[] = [];
  const names = new Map<string, string>();
  for (const [index, one] of value.entries()) {
    const at = `messages[${index}]`;
    const given = objectOf(one) ?? {};
    const { role } = given;
    if (typeof role !== "string" || !ROLES.includes(role)) throw invalid(`\`${at}.role\` is none of ${ROLES.join(", ")}.`, at);
    const content = readContent(given.content, `${at}.content`, role === "user");
    if (role === "system" || role === "developer") system.push(wordsOf(content));
    else if (role === "user") messages.push({ role, content });
    else if (role === "assistant") messages.push({ role, content: [...content, ...readCalls(given.tool_calls, at, names)] });
    else addResult(messages, given.tool_call_id, content, at, names);
  }
  const last = messages.at(-1);
  if (last === undefined || last.role === "assistant") throw invalid("The last message must be a user's, or the result of a tool.", "messages");
  if (last.role === "user" && last.content.every((part) => part.type === "text" && part.text.trim() === "")) {
    throw invalid("The last message is empty.", "messages");
  }
  return { system: system.filter((text) => text !== ""), messages };
}

export const wordsOf = (content: readonly Part[]): string => content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");

/** Results that follow each other are one message, as they answer one. */
function addResult(messages: ModelMessage[], callId: unknown, content: Part[], at: string, names: ReadonlyMap<string, string>): void {
  const name = typeof callId === "string" ? names.get(callId) : undefined;
  if (typeof callId !== "string" || name === undefined) throw invalid(`\`${at}.tool_call_id\` names no call of an earlier message.`, at);
  const result: Part = { type: "tool-result", callId, name, content: content as [] };
  const last = messages.at(-1);
  if (last?.role === "tool") last.content.push(result);
  else messages.push({ role: "tool", content: [result] });
}

function readCalls(value: unknown, at: string, names: Map<string, string>): ToolCallPart[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`\`${at}.tool_calls\` must be a list.`, at);
  return value.map((one: unknown) => {
    const { id, function: told } = objectOf(one) ?? {};
    const { name, arguments: text } = objectOf(told) ?? {};
    if (typeof id !== "string" || typeof name !== "string") throw invalid(`\`${at}.tool_calls\` holds a call without id or function name.`, at);
    names.set(id, name);
    return { type: "tool-call", id, name, args: argumentsOf(text) };
  });
}

/** A model may have written what is no JSON: it is shown what it wrote. */
function argumentsOf(text: unknown): Record<string, unknown> {
  if (typeof text !== "string" || text.trim() === "") return {};
  try {
    return objectOf(JSON.parse(text)) ?? { arguments: text };
  } catch {
    return { arguments: text };
  }
}

function readContent(content: unknown, at: string, bytes: boolean): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(`\`${at}\` must be a text or a list of parts.`, at);
  return content.map((one: unknown) => {
    const part = objectOf(one) ?? {};
    const read = part.type === "text" || part.type === "refusal" ? readText(part) : bytes ? readBytes(part, at) : undefined;
    if (read !== undefined) return read;
    throw invalid(`\`${at}\` holds a part of type ${JSON.stringify(part.type)}, which is not supported here.`, at);
  });
}

const readText = ({ text, refusal }: Record<string, unknown>): Part | undefined => {
  const said = typeof text === "string" ? text : refusal;
  return typeof said === "string" ? { type: "text", text: said } : undefined;
};

function readBytes(part: Record<string, unknown>, at: string): Part | undefined {
  switch (part.type) {
    case "image_url": {
      const { url } = objectOf(part.image_url) ?? {};
      if (typeof url !== "string") return undefined;
      const { mimeType, base64 } = dataOf(url) ?? {};
      if (base64 !== undefined && mimeType !== undefined) return { type: "image", mimeType, base64 };
      if (/^https?:\/\//.test(url) && url.length <= 8_192) return { type: "image", mimeType: "image/*", url };
      throw invalid(`\`${at}\` holds a picture whose address is neither http(s) nor data with base64.`, at);
    }
    case "input_audio": {
      const { data, format } = objectOf(part.input_audio) ?? {};
      if (typeof data !== "string" || !BASE64.test(data) || (format !== "wav" && format !== "mp3")) return undefined;
      return { type: "audio", mimeType: format === "wav" ? "audio/wav" : "audio/mpeg", base64: data };
    }
    case "file": {
      const { file_data: data, filename } = objectOf(part.file) ?? {};
      const found = typeof data === "string" ? dataOf(data) : undefined;
      if (found === undefined) throw invalid(`\`${at}\` holds a file without \`file_data\`: no files are kept here.`, at);
      return { type: "file", ...found, ...(typeof filename === "string" ? { name: filename.replace(/[/\\]/g, "_").slice(0, 512) } : {}) };
    }
    default:
      return undefined;
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function dataOf(url: string): { mimeType: string; base64: string } | undefined {
  const comma = url.indexOf(",");
  const head = /^data:([!-~]+\/[!-~]+);base64$/.exec(url.slice(0, Math.max(0, Math.min(comma, 300))));
  const base64 = url.slice(comma + 1);
  return head?.[1] === undefined || !BASE64.test(base64) ? undefined : { mimeType: head[1], base64 };
}
