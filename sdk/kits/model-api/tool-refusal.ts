import { errorInfo } from "../../extension/errors.ts";
import { ToolNames } from "./tool-names.ts";

/** What a server's refusal says of the tools that it was sent. */
export interface ToolRefusal {
  /** Names of those that it does not take. */
  readonly tools?: readonly string[];
  /** It takes no tools at all. */
  readonly none?: true;
  /** It takes so many and no more. */
  readonly most?: number;
}

/** As Ollama, Together, vLLM, Groq, OpenRouter and others say it. */
const NO_TOOLS =
  /does(?: not|n't) support (?:the )?(?:tools?\b|tool[ _-]?(?:use|calling)|function[ _-]?(?:calling|calls))|(?:tools?|tool[ _-]?(?:use|calling)|function[ _-]?calling)\W{0,3} (?:is|are) not (?:supported|enabled)|no endpoints found that support tool use|requires --enable-auto-tool-choice/i;

const TOO_MANY = [
  /'?\btools'?\b.{0,40}(?:too (?:long|many)|maximum|at most|exceed).{0,60}?\b(\d{1,4})\b/i,
  /(?:maximum|at most|up to|limit)\D{0,40}\b(\d{1,4})\b \D{0,20}(?:tools|functions|function declarations)\b/i,
];

/** About what was called, or has to be, and not about what can be called. */
const OF_CALLS = /\bmessages?[.[]\d|tool_choice|tool_call|tool_use|tool_result|function_call\b|tool message/i;

/** `tools[3].function.parameters`, `tools.3.custom.input_schema`, `tools[0].function_declarations[3].parameters`; Amazon counts members from 1. */
const PLACES = [/function_?declarations[.[](\d+)/gi, /\btools[.[](\d+)(\.member\b)?/g];

/**
 * Which tools a failed request failed for, by the server's words and the field that it names. Only refusals of the request are
 * looked at: whatever else fails is not the tools' fault.
 *
 * @param thrown what a model API threw
 * @param names of the tools, in the order in which they were sent
 * @returns undefined: nothing that can be traced to a tool
 */
export function toolRefusal(thrown: unknown, names: readonly string[]): ToolRefusal | undefined {
  const { code, message } = errorInfo(thrown);
  if (names.length === 0 || !/^PLINTH_MODEL_(REQUEST|UNSUPPORTED)$/.test(code)) return undefined;
  if (NO_TOOLS.test(message)) return { none: true };
  const param = paramOf(thrown);
  const most = TOO_MANY.map((pattern) => pattern.exec(message)?.[1]).find((digits) => digits !== undefined);
  if (most !== undefined && Number(most) > 0 && Number(most) < names.length) return { most: Number(most) };
  if (OF_CALLS.test(`${param} ${message}`)) return undefined;
  const tools = new Set([...named(message, names), ...placed(`${param} ${message}`, names)]);
  return tools.size === 0 ? undefined : { tools: names.filter((name) => tools.has(name)) };
}

/** Words for what a tool says of itself. */
const OF_TOOLS =
  /\b(?:tools?|functions?|function_?declarations?)\b|\b(?:input_?|json[ _-]?)?schemas?\b|\bgrammar\b|additionalProperties|\b(?:any|all|one)Of\b/i;
/** An answer has a schema too. */
const OF_ANSWERS = /response[ _]?(?:format|schema|mime)|text\.format|output_(?:config|format)|json_schema\.(?:name|schema)/i;

/** Whether a request was refused for its tools or their schemas, though it may not be said for which. */
export function blamesTools(thrown: unknown): boolean {
  const { code, message } = errorInfo(thrown);
  const said = `${paramOf(thrown)} ${message}`;
  return code === "PLINTH_MODEL_REQUEST" && OF_TOOLS.test(said) && !OF_CALLS.test(said) && !OF_ANSWERS.test(said);
}

function paramOf(thrown: unknown): string {
  const { param } = ((thrown as { details?: unknown } | null)?.details ?? {}) as { param?: unknown };
  return typeof param === "string" ? param : "";
}

/** `Invalid schema for function 'bad'`, `tool bad: …`: by our name, or the one that was sent. */
function named(message: string, names: readonly string[]): string[] {
  const wire = new ToolNames(names);
  const said = new Set(
    [...message.matchAll(/\b(?:function|tool)s?(?: declaration)?(?: name| named)?[\s:=]{0,2}(['"`]?)([A-Za-z0-9_.-]{1,128})\1/gi)].map(([, , name]) =>
      (name as string).replace(/[.:-]+$/, ""),
    ),
  );
  return names.filter((name) => said.has(name) || said.has(wire.wire(name)));
}

function placed(text: string, names: readonly string[]): string[] {
  // Where declarations are counted, `tools[0]` is the one list that holds them all.
  const found = PLACES.map((pattern) => [...text.matchAll(pattern)]).find((matches) => matches.length > 0) ?? [];
  return found.flatMap(([, at, member]) => names[Number(at) - (member === undefined ? 0 : 1)] ?? []);
}
