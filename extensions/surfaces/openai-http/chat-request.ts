import { randomBytes } from "node:crypto";
import { type Client, keepArtifact, type ModelMessage, type ModelOptions, type ModelTool, type Part } from "@plinth/sdk";
import { type Conversation, readMessages } from "./chat-messages.ts";
import { invalid } from "./failure.ts";
import { objectOf, readParameters } from "./parameters.ts";

/** A chat completion request, checked, in Plinth's words. */
export interface ChatRequest {
  readonly model: string;
  readonly conversation: Conversation;
  readonly options: ModelOptions;
  readonly tools: ModelTool[];
  /** The key of a conversation that is remembered. */
  readonly session: string | undefined;
  /** Who the client says it speaks for. */
  readonly user: string | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly ignored: string[];
}

/** @param header the value of `x-plinth-session`. */
export function readChatRequest(body: string, header: string | undefined): ChatRequest {
  const request = parse(body);
  const { model, user, stream } = request;
  if (typeof model !== "string" || model === "" || model.length > 512) throw invalid("`model` must be a text such as plinth.", "model");
  if (user !== undefined && user !== null && typeof user !== "string") throw invalid("`user` must be a text.", "user");
  if (typeof user === "string" && user.length > 200) throw invalid("`user` is longer than 200 characters.", "user");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") throw invalid("`stream` must be true or false.", "stream");
  const { session, ...metadata } = objectOf(request.metadata) ?? {};
  const { ignored, ...asked } = readParameters(request);
  return {
    model,
    ...asked,
    conversation: readMessages(request.messages),
    session: readSession(header ?? session),
    user: typeof user === "string" && user !== "" ? user : undefined,
    stream: stream === true,
    includeUsage: objectOf(request.stream_options)?.include_usage === true,
    ignored: Object.keys(metadata).length === 0 ? ignored : [...ignored, "metadata"],
  };
}

/** A session key: the one that the client names, or a fresh one. An agent other than the default stands in front. */
export function sessionKey(session: string | undefined, agent: string | undefined): string {
  const key = `openai:${session ?? randomBytes(9).toString("base64url")}`;
  return agent === undefined ? key : `agent:${agent}:${key}`;
}

function readSession(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && /^[\w.:@+-]{1,128}$/.test(value)) return value;
  throw invalid("A session is named by 1 to 128 letters, digits and . : @ + - _", "metadata");
}

function parse(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalid("The body is not JSON.", null);
  }
  const request = objectOf(value);
  if (request === undefined) throw invalid("The body is not a JSON object.", null);
  return request;
}

/** Base64 that a part may carry itself, in characters. */
const INLINE = 65_536;
/** Sent again with each request, so they need not be kept for long. */
const KEPT_MS = 24 * 3_600_000;

/** The conversation with what is larger than a part may be as artifacts. */
export async function withArtifacts(
  conversation: Conversation,
  artifacts: () => Client<"plinth.artifacts">,
  signal: AbortSignal,
): Promise<Conversation> {
  const messages: ModelMessage[] = [];
  for (const message of conversation.messages) {
    const content: Part[] = [];
    for (const part of message.content) content.push(await kept(part, artifacts, signal));
    messages.push({ ...message, content });
  }
  return { ...conversation, messages };
}

async function kept(part: Part, artifacts: () => Client<"plinth.artifacts">, signal: AbortSignal): Promise<Part> {
  if (!("base64" in part) || typeof part.base64 !== "string" || part.base64.length <= INLINE) return part;
  const { base64, ...rest } = part;
  const { id, bytes } = await keepArtifact(artifacts(), Buffer.from(base64, "base64"), { mimeType: rest.mimeType, ttlMs: KEPT_MS }, signal);
  return { ...rest, artifact: id, bytes };
}
