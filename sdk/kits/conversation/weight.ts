import { type ModelMessage, type Part, partLabel, type ToolResultPart } from "../../extension/index.ts";

/** A rough count, where nobody counted: of English text, and not too few for others. */
export const CHARS_A_TOKEN = 3;
/** A picture, a sound or a file takes about a thousand tokens. */
const BYTES_CHARS = 3_000;
/** What a call, a result or a message takes beside its text. */
const AROUND = 24;

/** Messages never change: each is measured once. */
const known = new WeakMap<ModelMessage, number>();

/** Characters of what a model reads of some messages. */
export function charsIn(messages: readonly ModelMessage[]): number {
  let chars = 0;
  for (const message of messages) {
    let own = known.get(message);
    if (own === undefined) {
      own = charsOf(message.content) + AROUND;
      known.set(message, own);
    }
    chars += own;
  }
  return chars;
}

/** The same of parts. What is opaque is not counted: only its maker knows what it makes of it. */
export function charsOf(content: readonly Part[]): number {
  let chars = 0;
  for (const part of content) chars += charsOfPart(part);
  return chars;
}

function charsOfPart(part: Part): number {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text.length;
    case "reasoning":
      return part.text?.length ?? 0;
    case "tool-call":
      return JSON.stringify(part.args).length + part.name.length + AROUND;
    case "tool-result":
      return charsOf(part.content) + AROUND;
    case "resource":
      return part.uri.length + (part.text?.length ?? 0);
    case "image":
    case "audio":
    case "video":
    case "file":
      return BYTES_CHARS;
    default:
      return AROUND;
  }
}

/** Tokens of some messages, about. */
export const tokensIn = (messages: readonly ModelMessage[]): number => Math.ceil(charsIn(messages) / CHARS_A_TOKEN);

/** A tool's result as one text; what is no text is named. */
export const resultText = ({ content }: ToolResultPart): string =>
  content.map((part) => (part.type === "text" ? part.text : partLabel(part))).join("\n");
