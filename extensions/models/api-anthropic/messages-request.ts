import type { ModelEndpoint, ModelMessage, ModelRequest } from "@plinth/sdk";
import { type ClaudeThinking, claudeThinking, type OutgoingRules, ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import { placeBreakpoints } from "./cache.ts";
import { type Block, BlockWriter, text } from "./content-blocks.ts";
import { knownModel, type Quirks } from "./quirks.ts";
import { toolFields } from "./tools.ts";

/** A request as it is sent, and what has to be known to read its answer. */
export interface MessagesRequest {
  readonly body: Record<string, unknown>;
  /** Of features that are not in the protocol yet. */
  readonly betas: readonly string[];
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

/** Left for the answer where a budget of thinking is all that is known. */
const BESIDE_THINKING = 8_192;

/** What the protocol takes: the user begins and ends, roles alternate, results come first, ids are plain. */
export function rulesOf(endpoint: ModelEndpoint, model: string, { prefill }: Quirks): OutgoingRules {
  const tools = knownModel(endpoint, model)?.tools !== "none";
  return { toolIds: "sixty-four", blank: "drop", first: "user", last: prefill ? "any" : "user", alternate: "turns", tools };
}

/** The body of `POST /messages` (https://platform.claude.com/docs/en/api/messages), without `model` and `stream`. The request is one that `outgoing` prepared. */
export function messagesRequest(endpoint: ModelEndpoint, input: ModelRequest, quirks: Quirks): MessagesRequest {
  const unsupported = new Unsupported(endpoint.title, input);
  const model = knownModel(endpoint, input.model);
  const names = new ToolNames((input.tools ?? []).map(({ name }) => name));
  const writer = new BlockWriter(endpoint.vendor, names, unsupported, quirks);
  const system = (input.system ?? []).flatMap((part) => marked(writer, part.cache, text(part.text)));
  const messages = inTurns(input.messages, writer);
  if (!quirks.noCache && model?.cache !== "none")
    placeBreakpoints([system, ...messages.map(({ content }) => content)], writer.marked, quirks.cacheTtl);
  const how = { way: quirks.thinking, noDisplay: quirks.noThinkingDisplay, maxTokens: input.maxOutputTokens };
  const think = answerable(claudeThinking(input, model, unsupported, how), messages, unsupported);
  const { betas, ...own } = (input.vendor?.[endpoint.vendor] ?? {}) as { betas?: unknown };
  const body = {
    max_tokens: maxTokens(input, think, model?.maxOutputTokens, quirks),
    ...(system.length === 0 ? {} : { system }),
    messages,
    ...toolFields(input, model, names, quirks, unsupported),
    ...(think.thinking === undefined ? {} : { thinking: think.thinking }),
    ...outputFields(input, think, quirks, unsupported),
    ...samplingFields(input, model?.sampling !== false, think, unsupported),
    ...quirks.extraBody,
    ...own,
  };
  return {
    body,
    betas: [...quirks.betas, ...(Array.isArray(betas) ? betas.filter((one) => typeof one === "string") : [])],
    toolNames: names.sent,
    warnings: unsupported.warnings,
  };
}

interface Turn {
  role: "user" | "assistant";
  content: Block[];
}

/** The messages as turns. Roles alternate already, unless a message has nothing for this server in it. */
function inTurns(messages: readonly ModelMessage[], writer: BlockWriter): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const blocks = writer.blocks(message);
    // Thoughts alone are no turn: the server wants something that is said after them.
    if (blocks.every(({ type }) => isThought(type))) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: blocks });
  }
  const last = turns.at(-1);
  if (last?.role === "assistant") last.content = trimmed(last.content);
  return turns;
}

const isThought = (type: string): boolean => type === "thinking" || type === "redacted_thinking";

/** An answer that is to be gone on with must not end in white space. */
function trimmed(content: Block[]): Block[] {
  const last = content.at(-1);
  if (last?.type !== "text") return content;
  return [...content.slice(0, -1), { ...last, text: String(last.text).trimEnd() }];
}

/**
 * Where thinking has a budget, the calls that are being answered must follow a thought; those of another model have none, so that
 * this turn ends without thinking.
 */
function answerable(think: ClaudeThinking, turns: readonly Turn[], unsupported: Unsupported): ClaudeThinking {
  if (think.thinking?.type !== "enabled" || !turns.at(-1)?.content.some(({ type }) => type === "tool_result")) return think;
  const asked = turns.at(-2)?.content ?? [];
  if (asked.some(({ type }) => isThought(type))) return think;
  unsupported.warnings.push({
    type: "warning",
    code: "PLINTH_MODEL_UNSUPPORTED",
    message: "Thinking is left out until the calls are answered: another model made them.",
    param: "thinking",
  });
  return {};
}

function maxTokens({ maxOutputTokens }: ModelRequest, { thinking }: ClaudeThinking, most: number | undefined, quirks: Quirks): number {
  if (maxOutputTokens !== undefined) return most === undefined ? maxOutputTokens : Math.min(maxOutputTokens, most);
  if (most !== undefined) return most;
  return thinking?.budget_tokens === undefined ? quirks.maxTokens : Math.max(quirks.maxTokens, thinking.budget_tokens + BESIDE_THINKING);
}

function outputFields({ output }: ModelRequest, { effort }: ClaudeThinking, { noStructured }: Quirks, unsupported: Unsupported): object {
  let format: object | undefined;
  if (output === "json") unsupported.leave("output", "JSON without a schema");
  else if (typeof output === "object") {
    if (noStructured) unsupported.leave("output", "a schema for the answer");
    else format = { type: "json_schema", schema: output.schema };
  }
  if (format === undefined && effort === undefined) return {};
  return { output_config: { ...(effort === undefined ? {} : { effort }), ...(format === undefined ? {} : { format }) } };
}

function samplingFields(input: ModelRequest, sampling: boolean, { thinking }: ClaudeThinking, unsupported: Unsupported): object {
  const { stop, seed, metadata } = input;
  let { temperature, topP } = input;
  const leave = (param: "temperature" | "topP", why: string): undefined => void unsupported.leave(param, why);
  if (seed !== undefined) unsupported.leave("seed", "a seed");
  if (temperature !== undefined && !sampling) temperature = leave("temperature", "a temperature");
  if (topP !== undefined && !sampling) topP = leave("topP", "a choice among the likeliest tokens");
  const thinks = thinking !== undefined && thinking.type !== "disabled";
  if (temperature !== undefined && temperature !== 1 && thinks) temperature = leave("temperature", "a temperature while it thinks");
  if (temperature !== undefined && temperature > 1) temperature = leave("temperature", "a temperature above 1");
  if (topP !== undefined && topP < 0.95 && thinks) topP = leave("topP", "a choice among less than 95 of 100 while it thinks");
  if (topP !== undefined && temperature !== undefined) topP = leave("topP", "a choice among the likeliest tokens beside a temperature");
  const blank = (stop ?? []).filter((one) => !/\S/.test(one));
  if (blank.length > 0) unsupported.leave("stop", "a stop that is white space");
  const stops = (stop ?? []).filter((one) => /\S/.test(one));
  const user = metadata?.user_id ?? metadata?.userId;
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
    ...(user === undefined ? {} : { metadata: { user_id: user } }),
  };
}

function marked(writer: BlockWriter, cache: boolean | undefined, blocks: Block[]): Block[] {
  for (const block of cache === true ? blocks : []) writer.marked.add(block);
  return blocks;
}
