import type { Part, ToolCallPart } from "@plinth/sdk";
import { argumentsOf, audioOf, type Conversation, fileOf, imageOf, MOST, MOST_CALLS, Telling, wordsOf } from "../conversation.ts";
import { invalid, objectOf } from "../fields.ts";

const ROLES = ["system", "developer", "user", "assistant", "tool"];

/**
 * Messages of the chat completions API (https://platform.openai.com/docs/api-reference/chat/create) as Plinth's. Bytes stand in
 * the parts as base64, whatever their size.
 */
export function readMessages(value: unknown): Conversation {
  if (!Array.isArray(value) || value.length === 0) throw invalid("`messages` must be a list with at least one message.", "messages");
  if (value.length > MOST) throw invalid(`\`messages\` holds more than ${MOST} messages.`, "messages");
  const telling = new Telling();
  for (const [index, one] of value.entries()) {
    const at = `messages[${index}]`;
    const given = objectOf(one) ?? {};
    const { role } = given;
    if (typeof role !== "string" || !ROLES.includes(role)) throw invalid(`\`${at}.role\` is none of ${ROLES.join(", ")}.`, at);
    const content = readContent(given.content, `${at}.content`, role === "user");
    if (role === "system" || role === "developer") telling.instruct({ type: "text", text: wordsOf(content) });
    else if (role === "user") telling.user(content);
    else if (role === "assistant") telling.assistant([...content, ...readCalls(given.tool_calls, at)], at);
    else telling.result(given.tool_call_id, content, `${at}.tool_call_id`);
  }
  return telling.end("messages");
}

function readCalls(value: unknown, at: string): ToolCallPart[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`\`${at}.tool_calls\` must be a list.`, at);
  if (value.length > MOST_CALLS) throw invalid(`\`${at}.tool_calls\` holds more than ${MOST_CALLS} calls.`, "messages");
  return value.map((one: unknown) => {
    const { id, function: told } = objectOf(one) ?? {};
    const { name, arguments: text } = objectOf(told) ?? {};
    if (typeof id !== "string" || typeof name !== "string") throw invalid(`\`${at}.tool_calls\` holds a call without id or function name.`, at);
    return { type: "tool-call", id, name, args: argumentsOf(text) };
  });
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
      return typeof url === "string" ? imageOf(url, at) : undefined;
    }
    case "input_audio":
      return audioOf(part.input_audio);
    case "file":
      return fileOf(objectOf(part.file) ?? {}, at);
    default:
      return undefined;
  }
}
