import { type ModelMessage, type ToolResultPart, textOf, toolResultsOf } from "@plinth/sdk";
import { charsOf } from "@plinth/sdk/kits/conversation";

/** The last turns are left as they are: their results are what is worked with. */
const KEPT_TURNS = 3;
const HEAD = 300;
const TAIL = 150;
/** A shorter result is not worth it. */
const LONG = 1_500;

/**
 * Old results of tools, as they would be with their middle left out: by call. A result that was pruned stays so, byte for byte, as
 * servers keep what begins alike.
 *
 * @returns undefined where that does not save `wanted` characters
 */
export function prunable(messages: readonly ModelMessage[], wanted: number): Map<string, ToolResultPart> | undefined {
  const pruned = new Map<string, ToolResultPart>();
  let saved = 0;
  for (const message of messages.slice(0, keptFrom(messages))) {
    for (const part of toolResultsOf(message.content)) {
      const chars = charsOf(part.content);
      if (chars <= LONG) continue;
      const short = shortened(part, HEAD, TAIL);
      saved += chars - charsOf(short.content);
      pruned.set(part.callId, short);
    }
  }
  return saved < wanted || saved === 0 ? undefined : pruned;
}

function keptFrom(messages: readonly ModelMessage[]): number {
  let turns = 0;
  for (let at = messages.length - 1; at >= 0; at--) if (messages[at]?.role === "user" && ++turns === KEPT_TURNS) return at;
  return 0;
}

/** In place: results that were pruned before. */
export function project(messages: ModelMessage[], pruned: ReadonlyMap<string, ToolResultPart>): void {
  if (pruned.size === 0) return;
  for (const [at, message] of messages.entries()) {
    if (message.role !== "tool" || !toolResultsOf(message.content).some(({ callId }) => pruned.has(callId))) continue;
    const content = message.content.map((part) => (part.type === "tool-result" ? (pruned.get(part.callId) ?? part) : part));
    messages[at] = { ...message, content };
  }
}

/**
 * In place: each result of more than `most` characters without its middle, also those of this turn.
 *
 * @returns whether there was one
 */
export function squeeze(messages: ModelMessage[], most: number): boolean {
  const bound = Math.max(HEAD + TAIL, Math.floor(most));
  const long = messages
    .flatMap(({ content }) => toolResultsOf(content))
    .filter(({ content }) => charsOf(content) > bound * 1.2)
    .map((part): [string, ToolResultPart] => [part.callId, shortened(part, Math.floor(bound * 0.7), Math.floor(bound * 0.2))]);
  project(messages, new Map(long));
  return long.length > 0;
}

function shortened(part: ToolResultPart, head: number, tail: number): ToolResultPart {
  const text = textOf(part.content);
  const others = part.content.length - part.content.filter(({ type }) => type === "text").length;
  const left = Math.max(0, text.length - head - tail);
  const what = [
    ...(left > 0 ? [`${left} characters`] : []),
    ...(others > 0 ? [`${others} ${others === 1 ? "part" : "parts"} that ${others === 1 ? "is" : "are"} no text`] : []),
  ];
  const mark = `[… ${what.join(" and ")} of this result left out; the tool recall gives them, with {"call":${JSON.stringify(part.callId)}} …]`;
  // A cut through a surrogate pair would not be valid text any more.
  const said = left === 0 ? `${text}\n${mark}` : `${text.slice(0, head)}\n${mark}\n${text.slice(text.length - tail)}`.toWellFormed();
  return { ...part, content: [{ type: "text", text: said }] };
}
