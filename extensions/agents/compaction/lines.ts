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

export function linesOf(message: ModelMessage): Line[] {
  if (message.role === "tool") return message.content.flatMap((part) => (part.type === "tool-result" ? [resultLine(part)] : []));
  const mark = originLine(message).trimEnd().replaceAll("\n", " ");
  const who = message.role === "assistant" ? "assistant" : mark === "" ? "owner" : "other";
  const text = said(message.content);
  const calls = message.content.flatMap((part): Line[] =>
    part.type === "tool-call" ? [{ who: "call", mark: "", text: `${part.name} ${clipped(JSON.stringify(part.args), ARGS, 0)}` }] : [],
  );
  return [...(text === "" ? [] : [{ who, mark, text } as const]), ...calls];
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

/** A line as a model reads it that sums up. */
export const written = ({ who, mark, text }: Line): string => `${NAMES[who]}${mark === "" ? "" : ` ${mark}`}: ${text}`;

export function clipped(text: string, head: number, tail: number): string {
  if (text.length <= head + tail + 5) return text;
  return `${text.slice(0, head)} […] ${tail === 0 ? "" : text.slice(-tail)}`.trimEnd().toWellFormed();
}
