import { isFor, type ModelMessage, originLine, type Part, partLabel, type ToolResultPart } from "@plinth/sdk";

/** What somebody said, in one piece. */
export interface Line {
  readonly who: "owner" | "other" | "assistant" | "call" | "result";
  /** Whose words these are, as models are told: "" for the owner's and the product's. */
  readonly mark: string;
  readonly text: string;
}

/** Of a tool's result, what is read: beginnings and ends say most. */
const HEAD = 1_000;
const TAIL = 400;
const ARGS = 300;
const MARK = 400;
/** Only that: the message itself says which words were. */
const QUOTED = "is quoted in it";

export function linesOf(message: ModelMessage): Line[] {
  if (message.role === "tool") return message.content.flatMap((part) => (part.type === "tool-result" ? [resultLine(part)] : []));
  const mark = markOf(message);
  const who = message.role === "assistant" ? "assistant" : mark === "" ? "owner" : "other";
  const text = said(message.content);
  const calls = message.content.flatMap((part): Line[] =>
    part.type === "tool-call" ? [{ who: "call", mark: "", text: `${part.name} ${clipped(JSON.stringify(part.args), ARGS, 0)}` }] : [],
  );
  return [...(text === "" ? [] : [{ who, mark, text } as const]), ...calls];
}

/** Whose words they are. What came in as the owner's with words of others in it, such as a forwarded message, is no wish of the owner's. */
function markOf(message: ModelMessage): string {
  const mark = originLine(message).trimEnd().replaceAll("\n", " ").slice(0, MARK);
  if (mark !== "" || message.role !== "user") return mark;
  const hands = (message.origin?.influences ?? []).filter(({ how }) => how !== QUOTED).map(({ party }) => party.replace(/[^\w.:@/-]/g, "?"));
  return hands.length === 0 ? "" : `[With words of ${hands.join(", ").slice(0, MARK)}.]`;
}

function resultLine(part: ToolResultPart): Line {
  const text = clipped(said(part.content), HEAD, TAIL);
  return { who: "result", mark: originLine(part).trimEnd(), text: `${part.name}${part.isError ? " failed" : ""}: ${text}` };
}

/** What stands in some parts; what is no text is named. */
function said(content: readonly Part[]): string {
  const texts = content.flatMap((part): string[] => {
    if (!isFor(part, "model")) return [];
    if (part.type === "text" || part.type === "refusal") return [part.text];
    if (part.type === "resource" && part.text !== undefined) return [part.text];
    return ["reasoning", "opaque", "tool-call", "tool-result", "citation"].includes(part.type) ? [] : [partLabel(part)];
  });
  return texts.join("\n").trim();
}

const NAMES = { owner: "Owner", other: "Somebody else", assistant: "Assistant", call: "Assistant called", result: "Result of" } as const;

/** What begins a line for whoever reads it. */
const BREAKS = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/gu;

/**
 * What somebody said, from a character on, as a model reads it that sums up: with whose it is before it, and a bar before each further
 * line, so that nobody's text can begin one that says that it is another's.
 */
export function written({ who, mark, text }: Line, from = 0, most = Number.POSITIVE_INFINITY): { text: string; next: number } {
  const head = `${NAMES[who]}${mark === "" ? "" : ` ${mark}`}${from > 0 ? ", going on" : ""}: `;
  const next = Math.min(text.length, from + Math.max(1, most - head.length));
  return { text: `${head}${text.slice(from, next).toWellFormed().replaceAll(BREAKS, "\n| ")}`, next };
}

export function clipped(text: string, head: number, tail: number): string {
  if (text.length <= head + tail + 5) return text;
  return `${text.slice(0, head)} […] ${tail === 0 ? "" : text.slice(-tail)}`.trimEnd().toWellFormed();
}
