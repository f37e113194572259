import { type Client, keepArtifact, type ModelMessage, type Part } from "@plinth/sdk";
import { invalid, isDeep, objectOf } from "./fields.ts";

export type TextPart = Extract<Part, { type: "text" }>;

/** A conversation as its client tells it: instructions apart, the rest in order, the newest last. */
export interface Conversation {
  readonly system: TextPart[];
  readonly messages: ModelMessage[];
}

/** What one request may hold of messages or items. */
export const MOST = 10_000;

/** What one answer may hold of calls: more than any model makes. */
export const MOST_CALLS = 1_024;

/** Puts a conversation together from messages, items or blocks: what belongs to one side in a row is one message. */
export class Telling {
  readonly #system: TextPart[] = [];
  readonly #messages: ModelMessage[] = [];
  /** The names of calls by their ids. */
  readonly #names = new Map<string, string>();

  #calls = 0;
  /** Of the answer that is told. */
  #inRow = 0;

  /** @param before what was said before this; its calls can be answered. */
  constructor(before: readonly ModelMessage[] = []) {
    for (const { content } of before) for (const part of content) if (part.type === "tool-call") this.#names.set(part.id, part.name);
  }

  instruct(...parts: TextPart[]): void {
    this.#system.push(...parts.filter(({ text }) => text !== ""));
  }

  user(content: Part[]): void {
    if (content.length > 0) this.#messages.push({ role: "user", content });
  }

  /** What the model said, thought and called. @param at what of the request it is. */
  assistant(content: Part[], at: string): void {
    const before = this.#messages.at(-1);
    const calls = content.filter(({ type }) => type === "tool-call").length;
    this.#inRow = (before?.role === "assistant" ? this.#inRow : 0) + calls;
    if (this.#inRow > MOST_CALLS) throw invalid(`\`${at}\` holds more than ${MOST_CALLS} calls of one answer.`, at.split(/[.[]/)[0] as string);
    this.#calls += calls;
    if (this.#calls > MOST) throw invalid(`\`${at}\` holds more calls than ${MOST}, with those before it.`, at.split(/[.[]/)[0] as string);
    for (const part of content) if (part.type === "tool-call") this.#names.set(part.id, part.name);
    this.#add("assistant", content);
  }

  /** @param at what of the request names the call. */
  result(callId: unknown, content: Part[], at: string, isError = false): void {
    const name = typeof callId === "string" ? this.#names.get(callId) : undefined;
    if (typeof callId !== "string" || name === undefined) throw invalid(`\`${at}\` names no call of an earlier message.`, at.split(".")[0] as string);
    this.#add("tool", [{ type: "tool-result", callId, name, content: content as [], ...(isError ? { isError } : {}) }]);
  }

  /** @param param where the messages stand. */
  end(param: string): Conversation {
    const last = this.#messages.at(-1);
    if (last === undefined || last.role === "assistant") throw invalid("The last message must be a user's, or the result of a tool.", param);
    if (last.role === "user" && last.content.every((part) => part.type === "text" && part.text.trim() === "")) {
      throw invalid("The last message is empty.", param);
    }
    return this.all();
  }

  /** Whatever was said last. */
  all(): Conversation {
    return { system: this.#system, messages: this.#messages };
  }

  #add(role: "assistant" | "tool", content: Part[]): void {
    const last = this.#messages.at(-1);
    if (last?.role === role) last.content.push(...content);
    else this.#messages.push({ role, content });
  }
}

export const wordsOf = (content: readonly Part[]): string => content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");

/** A model may have written what is no JSON: it is shown what it wrote. */
export function argumentsOf(text: unknown): Record<string, unknown> {
  if (typeof text !== "string" || text.trim() === "") return {};
  try {
    const args = objectOf(JSON.parse(text));
    return args === undefined || isDeep(args) ? { arguments: text } : args;
  } catch {
    return { arguments: text };
  }
}

export const isBase64 = (data: unknown): data is string => typeof data === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(data);

/** What a `data:` address with base64 holds. */
export function dataOf(url: string): { mimeType: string; base64: string } | undefined {
  const comma = url.indexOf(",");
  const head = /^data:([!-~]+\/[!-~]+);base64$/.exec(url.slice(0, Math.max(0, Math.min(comma, 300))));
  const base64 = url.slice(comma + 1);
  return head?.[1] === undefined || !isBase64(base64) ? undefined : { mimeType: head[1], base64 };
}

export const isWebAddress = (url: unknown): url is string => typeof url === "string" && /^https?:\/\//.test(url) && url.length <= 8_192;

/** A picture by its address. */
export function imageOf(url: string, at: string): Part {
  const { mimeType, base64 } = dataOf(url) ?? {};
  if (base64 !== undefined && mimeType !== undefined) return { type: "image", mimeType, base64 };
  if (isWebAddress(url)) return { type: "image", mimeType: "image/*", url };
  throw invalid(`\`${at}\` holds a picture whose address is neither http(s) nor data with base64.`, at);
}

/** A recording as OpenAI's clients send it. */
export function audioOf(value: unknown): Part | undefined {
  const { data, format } = objectOf(value) ?? {};
  if (!isBase64(data) || (format !== "wav" && format !== "mp3")) return undefined;
  return { type: "audio", mimeType: format === "wav" ? "audio/wav" : "audio/mpeg", base64: data };
}

/** A file's name, as a part may carry it. */
export const named = (name: unknown): { name?: string } =>
  typeof name === "string" && name !== "" ? { name: name.replace(/[/\\]/g, "_").slice(0, 512) } : {};

/** A file with its bytes, as OpenAI's clients send it. */
export function fileOf({ file_data: data, filename }: Record<string, unknown>, at: string): Part {
  const found = typeof data === "string" ? dataOf(data) : undefined;
  if (found === undefined) throw invalid(`\`${at}\` holds a file without \`file_data\`: no files are kept here.`, at);
  return { type: "file", ...found, ...named(filename) };
}

/** Base64 that a part may carry itself, in characters. */
const INLINE = 65_536;
/** Sent again with each request, or asked for as long as answers are kept. */
export const KEPT_MS = 24 * 3_600_000;

/** The conversation with what is larger than a part may be as artifacts. */
export async function withArtifacts(
  conversation: Conversation,
  artifacts: () => Client<"plinth.artifacts">,
  signal: AbortSignal,
): Promise<Conversation> {
  const kept = async (part: Part): Promise<Part> =>
    part.type === "tool-result" ? { ...part, content: (await Promise.all(part.content.map(kept))) as [] } : withoutBytes(part, artifacts, signal);
  const messages: ModelMessage[] = [];
  for (const message of conversation.messages) {
    const content: Part[] = [];
    for (const part of message.content) content.push(await kept(part));
    messages.push({ ...message, content });
  }
  return { ...conversation, messages };
}

/** A part with what is larger than it may be as an artifact. */
async function withoutBytes(part: Part, artifacts: () => Client<"plinth.artifacts">, signal: AbortSignal): Promise<Part> {
  if (!("base64" in part) || typeof part.base64 !== "string" || part.base64.length <= INLINE) return part;
  const { base64, ...rest } = part;
  const { id, bytes } = await keepArtifact(artifacts(), Buffer.from(base64, "base64"), { mimeType: rest.mimeType, ttlMs: KEPT_MS }, signal);
  return { ...rest, artifact: id, bytes };
}
