import { type ModelRequest, originLine, type Part, partLabel, type ToolResultPart } from "../../extension/index.ts";
import type { CallIdForm } from "./call-ids.ts";
import { type OrderRules, ordered } from "./message-order.ts";
import { pairedCalls } from "./paired-calls.ts";
import { type Placed, type Repair, repair } from "./repair.ts";
import { withResultMedia } from "./result-media.ts";
import { wellFormed } from "./well-formed.ts";

/** What a server takes, as data: a protocol's defaults, changed by an endpoint's quirks. What is absent is the first value. */
export interface OutgoingRules extends OrderRules {
  toolIds?: CallIdForm;
  /** drop: text of white space only is left out too. Text that is empty always is. */
  blank?: "keep" | "drop";
  /** Which thinking goes back: all; only what came after the user's last words; none. */
  reasoning?: "always" | "within-turn" | "never";
  /** false: the model has no tools; calls and their results are told as text. */
  tools?: boolean;
  /** Kinds of parts that results cannot hold and a user's message can. */
  resultMedia?: ReadonlySet<string>;
}

export interface Outgoing {
  request: ModelRequest;
  /** What was changed, and why; thinking that does not go back is not told. */
  repairs: Repair[];
  /** Where among the messages the user spoke last; -1: nowhere. What was put in does not count. */
  turn: number;
}

const NONE: ReadonlySet<string> = new Set();
const SILENT = "(no text)";
const NO_OUTPUT = "(no output)";

/**
 * A request as a server takes it: whole text, calls and results in pairs, ids that fit, nobody silent, roles in order. Pure, and
 * the same for the same history. A message that needs no change stays the same object; what is opaque is left out by rule, and
 * never changed apart from halves of characters.
 */
export function outgoing(given: ModelRequest, rules: OutgoingRules = {}): Outgoing {
  const repairs: Repair[] = [];
  const request = wellFormed(given);
  if (request !== given) repairs.push(...brokenTexts(given, request));
  const paired = pairedCalls(request.messages, rules.toolIds ?? "any", repairs);
  const thought = thinkingBack(paired, rules.reasoning ?? "always");
  const shown = withResultMedia(thought, rules.resultMedia ?? NONE, repairs);
  const told = rules.tools === false ? shown.map((one) => withoutTools(one, repairs)) : shown;
  const spoken = told.flatMap((one) => saying(one, rules.blank === "drop", repairs));
  const placed = ordered(spoken, rules, repairs);
  const messages = placed.map(({ message }) => message);
  const turn = placed.findLastIndex(({ message, from }) => message.role === "user" && from !== undefined);
  const system = request.system?.filter(({ text }) => text.trim() !== "");
  return { request: { ...request, messages, ...(system === undefined ? {} : { system }) }, repairs, turn };
}

function brokenTexts(given: ModelRequest, request: ModelRequest): Repair[] {
  const said = "Halves of characters were replaced, which no server can read.";
  const messages = given.messages.flatMap((message, at) => (request.messages[at] === message ? [] : [repair("text", at, said)]));
  return messages.length > 0 ? messages : [repair("text", undefined, said)];
}

function thinkingBack(placed: readonly Placed[], which: "always" | "within-turn" | "never"): Placed[] {
  const from = which === "always" ? 0 : which === "never" ? placed.length : placed.findLastIndex(({ message }) => message.role === "user");
  return placed.map((one, at) => {
    const { message } = one;
    // Nobody but the assistant thinks.
    const goesBack = at >= from && message.role === "assistant";
    if (goesBack || message.content.every(({ type }) => type !== "reasoning")) return one;
    return { ...one, message: { ...message, content: message.content.filter(({ type }) => type !== "reasoning") } };
  });
}

/** Calls as the assistant's words, and results as a user's, which say that they are results. */
function withoutTools(one: Placed, repairs: Repair[]): Placed {
  const { message, from } = one;
  if (message.content.every(({ type }) => type !== "tool-call" && type !== "tool-result")) return one;
  repairs.push(repair("tools-as-text", from, "Calls and results were told as text, because the model has no tools."));
  const content = message.content.map((part): Part => {
    if (part.type === "tool-call") return { type: "text", text: `[The tool ${part.name} was called with ${JSON.stringify(part.args)}]\n` };
    if (part.type !== "tool-result") return part;
    return {
      type: "text",
      text: `${originLine(part)}[${part.isError ? "The call failed" : "Result"} of the tool ${part.name}]\n${resultText(part)}\n`,
    };
  });
  return { from, message: { ...message, role: message.role === "tool" ? "user" : message.role, content } };
}

const resultText = ({ content }: ToolResultPart): string =>
  content.map((part) => (part.type === "text" ? part.text : part.type === "opaque" ? "" : partLabel(part))).join("\n") || NO_OUTPUT;

/** What counts as something said. Thinking, sources, and kinds that are not known do not. */
const SUBSTANCE: ReadonlySet<string> = new Set([
  "text",
  "refusal",
  "tool-call",
  "tool-result",
  "image",
  "audio",
  "video",
  "file",
  "resource",
  "opaque",
]);

/** The message without its empty text; none where an assistant said nothing. */
function saying(one: Placed, dropBlank: boolean, repairs: Repair[]): Placed[] {
  const { message, from } = one;
  const isSaid = (part: Part) => (part.type !== "text" && part.type !== "refusal") || (dropBlank ? part.text.trim() : part.text) !== "";
  let content = message.content.every(isSaid) ? message.content : message.content.filter(isSaid);
  if (message.role === "tool") content = withOutput(content, isSaid);
  const told = content.some(({ type }) => SUBSTANCE.has(type) && (type !== "opaque" || message.role === "assistant"));
  if (!told && message.role === "assistant") {
    repairs.push(repair("empty", from, "A message of the assistant in which nothing is said was left out."));
    return [];
  }
  if (!told) {
    repairs.push(repair("empty", from, "A message in which nothing is said was given a text."));
    content = [...content, { type: "text", text: SILENT }];
  }
  return [content === message.content ? one : { from, message: { ...message, content } }];
}

function withOutput(content: Part[], isSaid: (part: Part) => boolean): Part[] {
  let changed = false;
  const results = content.map((part): Part => {
    if (part.type !== "tool-result") return part;
    const said = part.content.filter(isSaid);
    if (said.length === part.content.length && said.length > 0) return part;
    changed = true;
    return { ...part, content: said.length > 0 ? said : [{ type: "text", text: NO_OUTPUT }] };
  });
  return changed ? results : content;
}
