import { type ModelMessage, type Part, partLabel, type ToolResultPart } from "../../extension/index.ts";

/** A rough count, where nobody counted: of English text, and not too few for others. */
export const CHARS_A_TOKEN = 3;
/** A picture, a sound or a file takes about a thousand tokens. */
const BYTES_CHARS = 3_000;
/** What a call, a result or a message takes beside its text. */
const AROUND = 24;

/** Arguments never change, and are measured once; text is as quickly counted as looked up. */
const known = new WeakMap<object, number>();

/** Characters of what a model reads of some messages. */
export function charsIn(messages: readonly ModelMessage[]): number {
  let chars = 0;
  for (const { content } of messages) chars += charsOf(content) + AROUND;
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
      return argsChars(part.args) + part.name.length + AROUND;
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

function argsChars(args: object): number {
  let chars = known.get(args);
  if (chars === undefined) {
    chars = JSON.stringify(args).length;
    known.set(args, chars);
  }
  return chars;
}

/** Tokens of some messages, about. */
export const tokensIn = (messages: readonly ModelMessage[]): number => Math.ceil(charsIn(messages) / CHARS_A_TOKEN);

/** A tool's result as one text; what is no text is named. */
export const resultText = ({ content }: ToolResultPart): string =>
  content.map((part) => (part.type === "text" ? part.text : partLabel(part))).join("\n");
