import type { ModelMessage, Part } from "@plinth/sdk";
import { argumentsOf, audioOf, type Conversation, fileOf, imageOf, isWebAddress, MOST, named, Telling, wordsOf } from "../conversation.ts";
import { invalid, objectOf } from "../fields.ts";
import { opened } from "../thoughts.ts";
import { toldName } from "./tools.ts";

export type Item = Record<string, unknown>;

const ROLES = ["user", "assistant", "system", "developer"];

/** The input as a list of items. */
export function inputItems(input: unknown): Item[] {
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  if (!Array.isArray(input) || input.length === 0) throw invalid("`input` must be a text, or a list with at least one item.", "input");
  if (input.length > MOST) throw invalid(`\`input\` holds more than ${MOST} items.`, "input");
  return input.map((one) => objectOf(one) ?? {});
}

/**
 * Items of the Responses API (https://platform.openai.com/docs/api-reference/responses/create) as Plinth's messages. Bytes
 * stand in the parts as base64, whatever their size.
 *
 * @param before what was said before them.
 */
export function readItems(items: readonly Item[], instructions: unknown, before: readonly ModelMessage[]): Conversation {
  const telling = new Telling(before);
  if (instructions !== undefined && instructions !== null) {
    if (typeof instructions !== "string") throw invalid("`instructions` must be a text.", "instructions");
    telling.instruct({ type: "text", text: instructions });
  }
  for (const [index, item] of items.entries()) readItem(telling, item, `input[${index}]`);
  return telling.end("input");
}

/** Items that nobody is to answer yet. @param before what was said before them. */
export function readAll(items: readonly Item[], before: readonly ModelMessage[]): Conversation {
  const telling = new Telling(before);
  for (const [index, item] of items.entries()) readItem(telling, item, `items[${index}]`);
  return telling.all();
}

/** What OpenAI's own server did and said stays with it. */
const SERVERS = new Set(["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call"]);

/** Kinds of items that nobody reads, for the header `x-plinth-ignored`. */
export const unreadItems = (items: readonly Item[]): string[] => [
  ...new Set(items.flatMap(({ type }) => (SERVERS.has(String(type)) ? [`input.${String(type)}`] : []))),
];

function readItem(telling: Telling, item: Item, at: string): void {
  switch (item.type ?? "message") {
    case "message": {
      const { role } = item;
      if (typeof role !== "string" || !ROLES.includes(role)) throw invalid(`\`${at}.role\` is none of ${ROLES.join(", ")}.`, at);
      const content = readContent(item.content, `${at}.content`);
      if (role === "user") telling.user(content);
      else if (role === "assistant") telling.assistant(content, at);
      else telling.instruct({ type: "text", text: wordsOf(content) });
      return;
    }
    case "reasoning":
      return telling.assistant([reasoning(item)], at);
    case "function_call":
    case "custom_tool_call": {
      const { call_id: id, name, namespace, input } = item;
      if (typeof id !== "string" || typeof name !== "string") throw invalid(`\`${at}\` is a call without \`call_id\` or \`name\`.`, at);
      const args = item.type === "function_call" ? argumentsOf(item.arguments) : { input: String(input ?? "") };
      return telling.assistant([{ type: "tool-call", id, name: toldName(name, namespace), args }], at);
    }
    case "function_call_output":
    case "custom_tool_call_output":
      return telling.result(item.call_id, readContent(item.output, `${at}.output`), `${at}.call_id`);
  }
  if (SERVERS.has(String(item.type))) return;
  throw invalid(`\`${at}\` is an item of type ${JSON.stringify(item.type)}, which is not supported here.`, at);
}

/** What it holds for whoever made it goes back to nobody else. */
function reasoning({ summary, content, encrypted_content: sealed }: Item): Part {
  const texts = (list: unknown) =>
    Array.isArray(list) ? list.flatMap((one: unknown) => ((text) => (typeof text === "string" ? [text] : []))(objectOf(one)?.text)) : [];
  const text = [...texts(summary), ...texts(content)].join("\n\n");
  const { opaque, kind } = opened(sealed) ?? {};
  if (kind === "opaque" && opaque) return { type: "opaque", opaque };
  return { type: "reasoning", ...(text === "" ? {} : { text }), ...(opaque && { opaque }) };
}

function readContent(content: unknown, at: string): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(`\`${at}\` must be a text or a list of parts.`, at);
  return content.map((one: unknown) => {
    const part = objectOf(one) ?? {};
    const read = readPart(part, at);
    if (read !== undefined) return read;
    throw invalid(`\`${at}\` holds a part of type ${JSON.stringify(part.type)} that is not valid or not supported here.`, at);
  });
}

function readPart(part: Item, at: string): Part | undefined {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return typeof part.text === "string" ? { type: "text", text: part.text } : undefined;
    case "refusal":
      return typeof part.refusal === "string" ? { type: "refusal", text: part.refusal } : undefined;
    case "input_image":
      if (typeof part.image_url === "string") return imageOf(part.image_url, at);
      throw invalid(`\`${at}\` holds a picture without \`image_url\`: no files are kept here.`, at);
    case "input_audio":
      return audioOf(part.input_audio);
    case "input_file":
      if (isWebAddress(part.file_url)) return { type: "file", mimeType: "application/pdf", url: part.file_url, ...named(part.filename) };
      return fileOf(part, at);
    default:
      return undefined;
  }
}
