import type { ModelMessage, ModelOptions } from "@plinth/sdk";
import type { Asked } from "../asking.ts";
import type { Conversation, TextPart } from "../conversation.ts";
import { RESPONSES } from "../fates.ts";
import {
  assertNoneRefused,
  type Fields,
  integer,
  invalid,
  isEmpty,
  number,
  objectOf,
  parseBody,
  readCacheKey,
  readCommon,
  readEffort,
  readMetadata,
  readSchema,
  readSession,
  readUser,
  unread,
} from "../fields.ts";
import type { Meant } from "../model-list.ts";
import { type Names, notThere } from "../names.ts";
import { type Item, inputItems, readItems, unreadItems } from "./items.ts";
import type { Before, KeptResponses } from "./kept.ts";
import { type Handed, readChoice, readTools } from "./tools.ts";

/** A request of the Responses API, checked, in Plinth's words. */
export interface ResponseRequest extends Asked {
  /** Of the answer. */
  readonly id: string;
  readonly createdAt: number;
  /** What the answer repeats of the request. */
  readonly echo: Fields;
  readonly handed: ReadonlyMap<string, Handed>;
  /** The answer is kept. */
  readonly store: boolean;
  /** Whose it is. */
  readonly caller: string;
  /** The name of the conversation that it goes on with alone, as long as it runs. */
  readonly alone: string | undefined;
  /** The session remembers all that is said up to the answer. */
  readonly whole: boolean;
  /** What was said before the request. */
  readonly before: Before | undefined;
  /** What the request itself says. */
  readonly said: ModelMessage[];
  /** Instructions among its items. */
  readonly instructed: TextPart[];
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["topP", "top_p"],
  ["maxOutputTokens", "max_output_tokens"],
  ["thinking", "reasoning"],
  ["output", "text.format"],
  ["toolChoice", "tool_choice"],
  ["parallelTools", "parallel_tool_calls"],
  ["cacheKey", "prompt_cache_key"],
]);

/** What a caller has here. */
export interface Keeping {
  readonly kept: KeptResponses;
  readonly names: Names;
  readonly caller: string;
}

/** @param header the value of `x-plinth-session`. */
export async function readResponseRequest(keeping: Keeping, now: number, body: string, header: string | undefined): Promise<ResponseRequest> {
  const { kept, names, caller } = keeping;
  const request = parseBody(body);
  assertNoneRefused(request, RESPONSES);
  const common = readCommon(request);
  const { session, more: _ } = readMetadata(request.metadata, header);
  const conversationName = readConversationName(request);
  const named = conversationName ?? session;
  const store = request.store !== false;
  if (!store && request.conversation) throw invalid("A `conversation` is kept: leave `store` out, or the conversation.", "store");
  if (conversationName !== undefined) await takeName(names, conversationName, caller);
  const before = await readBefore(kept, request.previous_response_id, named);
  const tools = readTools(request.tools);
  const { only, ...choice } = readChoice(request.tool_choice, tools);
  const items = await withReferences(kept, inputItems(request.input));
  const conversation = readItems(items, request.instructions, before?.messages ?? []);
  const instructions = conversation.system.slice(0, isEmpty(request.instructions) || request.instructions === "" ? 0 : 1);
  const instructed = conversation.system.slice(instructions.length);
  return {
    ...common,
    id: kept.newId(),
    createdAt: Math.floor(now / 1000),
    conversation: { ...conversation, system: [...instructions, ...(before?.system ?? []), ...instructed] },
    said: conversation.messages,
    instructed,
    caller,
    alone: conversationName,
    whole: false,
    before,
    session: named,
    user: readUser(request.user ?? request.safety_identifier),
    ...readCacheKey(request.prompt_cache_key),
    options: { ...readOptions(request), ...choice },
    tools: only === undefined ? tools.tools : tools.tools.filter(({ name }) => only.has(name)),
    vendorTools: tools.vendorTools,
    handed: tools.handed,
    store,
    ignored: [...unread(request, RESPONSES), ...tools.ignored, ...unreadItems(items), ...unusedIn(request)],
    names: NAMES,
    echo: echoed(request, store),
  };
}

/**
 * With what is remembered. An agent goes on in the session where the last answer was said, as long as that is its last and one
 * message is said to it; else, and for a model, what was said before is sent along.
 */
export async function remembering(kept: KeptResponses, request: ResponseRequest, meant: Meant): Promise<ResponseRequest> {
  const { before, conversation, echo, id, store } = request;
  const { messages } = conversation;
  const fresh = store ? id : undefined;
  const previous = typeof echo.previous_response_id === "string";
  const goesOn = previous && store && "agent" in meant && before !== undefined && (await kept.goOn(before.last, id));
  const session = previous ? (goesOn ? before?.last.session : fresh) : (request.session ?? ("model" in meant ? undefined : fresh));
  const single = "agent" in meant && messages.length === 1 && messages[0]?.role === "user";
  const whole = single && (before === undefined || (previous ? goesOn : before.last.whole === true));
  const told: Conversation = whole || before === undefined ? conversation : { ...conversation, messages: [...before.messages, ...messages] };
  return { ...request, session, whole, said: messages, conversation: told };
}

function readConversationName({ conversation, previous_response_id: previous }: Fields): string | undefined {
  if (isEmpty(conversation)) return undefined;
  if (!isEmpty(previous)) throw invalid("Only one of `previous_response_id` and `conversation` can be gone on from.", "conversation");
  return readSession(objectOf(conversation)?.id ?? conversation, "conversation");
}

/** A name that was given out is known; one of the client's own is from its first use on. */
async function takeName(names: Names, name: string, caller: string): Promise<void> {
  if (name.startsWith("conv_") && (await names.get(name, caller)) === undefined) throw notThere(name);
  await names.take(name, caller);
}

async function readBefore(kept: KeptResponses, previous: unknown, session: string | undefined) {
  if (!isEmpty(previous)) {
    if (typeof previous !== "string") throw invalid("`previous_response_id` must be a text.", "previous_response_id");
    return kept.conversation(previous, true);
  }
  const last = session === undefined ? undefined : await kept.lastOf(session);
  // A conversation goes on with what of it is still kept.
  return last === undefined ? undefined : kept.conversation(last, false);
}

/** Items that are named by the ids under which they were answered, as they were. */
async function withReferences(kept: KeptResponses, items: Item[]): Promise<Item[]> {
  const resolved: Item[] = [];
  for (const [index, item] of items.entries()) {
    const refers = item.type === "item_reference" || (item.type === undefined && item.role === undefined && item.id !== undefined);
    const found = refers ? await kept.item(item.id) : item;
    if (found === undefined)
      throw invalid(`Item with id ${JSON.stringify(String(item.id).slice(0, 100))} not found. Send it along.`, `input[${index}]`);
    resolved.push(found);
  }
  return resolved;
}

function readOptions(request: Fields): ModelOptions {
  const { format } = objectOf(request.text) ?? {};
  return {
    ...number(request, "temperature", "temperature", 0, 2),
    ...number(request, "top_p", "topP", 0, 1),
    ...integer(request, "max_output_tokens", "maxOutputTokens", 1),
    ...readEffort(objectOf(request.reasoning)?.effort, "reasoning.effort"),
    ...readFormat(format),
    ...(typeof request.parallel_tool_calls === "boolean" ? { parallelTools: request.parallel_tool_calls } : {}),
  };
}

function readFormat(value: unknown): Pick<ModelOptions, "output"> {
  const type = objectOf(value)?.type;
  if (isEmpty(value) || type === "text") return {};
  if (type === "json_object") return { output: "json" };
  const read = type === "json_schema" ? readSchema(value) : undefined;
  if (read !== undefined) return read;
  throw invalid("`text.format` must be of the type text, json_object, or json_schema with a `schema`.", "text");
}

/** What of the fields that are used is not used. */
function unusedIn({ truncation, include }: Fields): string[] {
  const others = Array.isArray(include) ? include.filter((one) => one !== "reasoning.encrypted_content") : [];
  return [...(truncation === "auto" ? ["truncation"] : []), ...(others.length === 0 ? [] : ["include"])];
}

/** Of the request, as the published object has it; what was left out as OpenAI fills it in. */
function echoed(request: Fields, store: boolean): Fields {
  const { effort = null, summary = null } = objectOf(request.reasoning) ?? {};
  return {
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: objectOf(request.metadata) ?? {},
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    ...(isEmpty(request.conversation) ? {} : { conversation: { id: objectOf(request.conversation)?.id ?? request.conversation } }),
    reasoning: { effort, summary },
    store,
    temperature: request.temperature ?? 1,
    text: { format: { type: "text" }, ...objectOf(request.text) },
    tool_choice: request.tool_choice ?? "auto",
    tools: Array.isArray(request.tools) ? request.tools : [],
    top_p: request.top_p ?? 1,
    truncation: "disabled",
    ...(typeof request.user === "string" ? { user: request.user } : {}),
  };
}
