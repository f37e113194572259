import { type ModelMessage, type ToolResultPart, toolResultsOf } from "@plinth/sdk";
import { charsOf, resultText } from "@plinth/sdk/kits/conversation";

/** The last turns are left as they are: their results are what is worked with. */
const KEPT_TURNS = 3;
const HEAD = 300;
const TAIL = 150;
/** A shorter result is not worth it. */
const LONG = 1_500;

type Change = (part: ToolResultPart) => ToolResultPart;

/** Some models give each turn's first call the same id: its result's length tells it from others. */
const keyOf = ({ callId, content }: ToolResultPart): string => `${callId}\n${charsOf(content)}`;

/**
 * Old results of tools whose middle can be left out.
 *
 * @returns undefined where that does not save `wanted` characters
 */
export function prunable(messages: readonly ModelMessage[], wanted: number): Set<string> | undefined {
  const keys = new Set<string>();
  let saved = 0;
  for (const part of messages.slice(0, keptFrom(messages)).flatMap(({ content }) => toolResultsOf(content))) {
    const chars = charsOf(part.content);
    if (chars <= LONG) continue;
    saved += chars - charsOf(shortened(part, HEAD, TAIL).content);
    keys.add(keyOf(part));
  }
  return saved < wanted || saved === 0 ? undefined : keys;
}

/** In place: results that were pruned stay so, byte for byte, as servers keep what begins alike. */
export function project(messages: ModelMessage[], pruned: ReadonlySet<string>): void {
  if (pruned.size > 0) change(messages, keptFrom(messages), (part) => (pruned.has(keyOf(part)) ? shortened(part, HEAD, TAIL) : part));
}

/**
 * In place: each result of more than `most` characters without its middle, also those of this turn.
 *
 * @returns whether there was one
 */
export function squeeze(messages: ModelMessage[], most: number): boolean {
  const bound = Math.max(HEAD + TAIL, Math.floor(most));
  let found = false;
  change(messages, messages.length, (part) => {
    if (charsOf(part.content) <= bound * 1.2) return part;
    found = true;
    return shortened(part, Math.floor(bound * 0.7), Math.floor(bound * 0.2));
  });
  return found;
}

/** Where the last turns begin. */
function keptFrom(messages: readonly ModelMessage[]): number {
  let turns = 0;
  for (let at = messages.length - 1; at >= 0; at--) if (messages[at]?.role === "user" && ++turns === KEPT_TURNS) return at;
  return 0;
}

function change(messages: ModelMessage[], until: number, as: Change): void {
  for (const [at, message] of messages.slice(0, until).entries()) {
    if (message.role !== "tool") continue;
    const content = message.content.map((part) => (part.type === "tool-result" ? as(part) : part));
    if (content.some((part, index) => part !== message.content[index])) messages[at] = { ...message, content };
  }
}

function shortened(part: ToolResultPart, head: number, tail: number): ToolResultPart {
  const text = resultText(part);
  const left = text.length - head - tail;
  if (left <= 0) return { ...part, content: [{ type: "text", text }] };
  const how = JSON.stringify({ call: part.callId, of: text.length });
  const mark = `[… ${left} characters of this result left out; the tool recall gives them, with ${how} …]`;
  // A cut through a surrogate pair would not be valid text any more.
  return { ...part, content: [{ type: "text", text: `${text.slice(0, head)}\n${mark}\n${text.slice(text.length - tail)}`.toWellFormed() }] };
}
