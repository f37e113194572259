import type { Part } from "@plinth/sdk";
import { type Conversation, isBase64, isWebAddress, MOST, named, Telling, type TextPart } from "../conversation.ts";
import { invalid, objectOf } from "../fields.ts";
import { opened } from "../thoughts.ts";

type Fields = Record<string, unknown>;

const ROLES = ["user", "assistant", "system"];

/**
 * Messages of Anthropic's Messages API (https://platform.claude.com/docs/en/api/messages) as Plinth's. Bytes stand in the
 * parts as base64, whatever their size.
 */
export function readConversation(system: unknown, messages: unknown): Conversation {
  if (!Array.isArray(messages) || messages.length === 0) throw invalid("`messages` must be a list with at least one message.", "messages");
  if (messages.length > MOST) throw invalid(`\`messages\` holds more than ${MOST} messages.`, "messages");
  const telling = new Telling();
  telling.instruct(...readSystem(system, "system"));
  for (const [index, one] of messages.entries()) {
    const at = `messages[${index}]`;
    const { role, content } = objectOf(one) ?? {};
    if (typeof role !== "string" || !ROLES.includes(role)) throw invalid(`\`${at}.role\` is none of ${ROLES.join(", ")}.`, at);
    if (role === "system") telling.instruct(...readSystem(content, at));
    else if (role === "assistant")
      telling.assistant(
        blocksOf(content, at).flatMap((block) => answered(block, at)),
        at,
      );
    else readUser(telling, blocksOf(content, at), at);
  }
  return telling.end("messages");
}

/** Results stand first in the message that answers calls; what else is in it follows as the user's. */
function readUser(telling: Telling, blocks: Fields[], at: string): void {
  const said: Part[] = [];
  for (const block of blocks) {
    if (block.type !== "tool_result") said.push(...asked(block, at));
    else {
      const content = blocksOf(block.content ?? [], at).flatMap((one) => asked(one, at));
      telling.result(block.tool_use_id, content, `${at}.content`, block.is_error === true);
    }
  }
  telling.user(said);
}

function readSystem(value: unknown, at: string): TextPart[] {
  if (value === undefined || value === null) return [];
  return blocksOf(value, at).map((block) => {
    if (block.type === "text" && typeof block.text === "string") return { type: "text", text: block.text, ...cached(block) };
    throw invalid(`\`${at}\` must be a text or a list of text blocks.`, at);
  });
}

function blocksOf(content: unknown, at: string): Fields[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(`\`${at}.content\` must be a text or a list of blocks.`, at);
  return content.map((one) => objectOf(one) ?? {});
}

const cached = ({ cache_control: cache }: Fields): { cache?: true } => (objectOf(cache) === undefined ? {} : { cache: true });

/** A block of a user's message, or of a tool's result. */
function asked(block: Fields, at: string): Part[] {
  switch (block.type) {
    case "text":
      if (typeof block.text !== "string") break;
      return [{ type: "text", text: block.text, ...cached(block) }];
    case "image": {
      const { type, media_type: mimeType, data, url } = objectOf(block.source) ?? {};
      if (type === "base64" && isBase64(data) && typeof mimeType === "string") return [{ type: "image", mimeType, base64: data, ...cached(block) }];
      if (type === "url" && isWebAddress(url)) return [{ type: "image", mimeType: "image/*", url, ...cached(block) }];
      throw invalid(`\`${at}\` holds an image whose source is neither base64 nor an address: no files are kept here.`, at);
    }
    case "document":
      return document(block, at);
    case "search_result": {
      const { title, source } = block;
      const texts = blocksOf(block.content ?? [], at).flatMap(({ text }) => (typeof text === "string" ? [text] : []));
      return [{ type: "text", text: [title, source, ...texts].filter((one) => typeof one === "string").join("\n"), ...cached(block) }];
    }
    case "tool_reference":
      return typeof block.tool_name === "string" ? [{ type: "text", text: `The tool ${block.tool_name} can be called now.` }] : [];
  }
  throw notHere(block, at);
}

function document(block: Fields, at: string): Part[] {
  const { type, media_type: mimeType, data, url, content } = objectOf(block.source) ?? {};
  const more = { ...named(block.title), ...cached(block) };
  if (type === "base64" && isBase64(data) && typeof mimeType === "string") return [{ type: "file", mimeType, base64: data, ...more }];
  if (type === "text" && typeof data === "string")
    return [{ type: "file", mimeType: "text/plain", base64: Buffer.from(data).toString("base64"), ...more }];
  if (type === "url" && isWebAddress(url)) return [{ type: "file", mimeType: "application/pdf", url, ...more }];
  if (type === "content") return blocksOf(content, at).flatMap((one) => asked(one, at));
  throw invalid(`\`${at}\` holds a document by its id: no files are kept here. Send it along.`, at);
}

/** A block of what the model said. */
function answered(block: Fields, at: string): Part[] {
  switch (block.type) {
    case "text":
      if (typeof block.text !== "string") break;
      return [{ type: "text", text: block.text, ...cached(block) }];
    case "tool_use": {
      const { id, name, input } = block;
      if (typeof id !== "string" || typeof name !== "string") break;
      return [{ type: "tool-call", id, name, args: objectOf(input) ?? {} }];
    }
    case "thinking": {
      const { opaque } = opened(block.signature) ?? {};
      return [{ type: "reasoning", ...(typeof block.thinking === "string" ? { text: block.thinking } : {}), ...(opaque && { opaque }) }];
    }
    case "redacted_thinking": {
      const { opaque, kind } = opened(block.data) ?? {};
      if (opaque === undefined) return [];
      return [kind === "opaque" ? { type: "opaque", opaque } : { type: "reasoning", redacted: true, opaque }];
    }
  }
  throw notHere(block, at);
}

const notHere = ({ type }: Fields, at: string) =>
  invalid(`\`${at}.content\` holds a block of type ${JSON.stringify(type)} that is not valid or not supported here.`, at);
