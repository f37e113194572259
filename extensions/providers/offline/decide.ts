import { type ArgumentProblem, typedArguments } from "./arguments.ts";
import { matchPattern, type PatternMatch } from "./say-pattern.ts";

export interface Tool {
  name: string;
  description: string;
  input: Record<string, unknown>;
  say?: string[];
}

/** What the offline model does with a message: call a tool, say something in particular, or introduce itself. */
export type Decision = { call: { name: string; args: Record<string, unknown> } } | { say: string } | { greeting: boolean };

/** Longer messages are certainly not one of the sentences that are understood. */
const MAX_TEXT = 20_000;

/** Sentences for tools that state none, by the names that such tools usually have. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  read: ["read {path}"],
  list: ["list files", "list files in {path}"],
  exec: ["run {command}"],
  search: ["search {query}", "search for {query}"],
  write: ["write {content} to {path}"],
};

const POLITE =
  /^(?:please|can you|could you|would you|will you|plinth[,:]?|hey|ok|now|kindly|what is the|what's the|how is the|how's the|tell me the|show me the|give me the|tell me|i want you to|i would like you to)\s+/i;
const GREETING = /^(?:hi|hello|hey|good (?:morning|day|evening)|hallo|moin)\b/i;

export function decide(text: string, tools: readonly Tool[]): Decision {
  const sentence = text.trim();
  if (sentence.length > MAX_TEXT) return { greeting: false };
  const named = direct(sentence, tools);
  if (named) return named;
  // Only openings that change nothing are passed over: "do not run …" must never become "run …".
  for (let rest = sentence; ; ) {
    const found = byPattern(rest, tools);
    if (found) return found;
    const shorter = rest.replace(POLITE, "");
    if (shorter === rest) break;
    rest = shorter;
  }
  return { greeting: GREETING.test(sentence) };
}

/** `use TOOL key=value`, `call TOOL key=value` or just `TOOL key=value`. */
function direct(sentence: string, tools: readonly Tool[]): Decision | undefined {
  const [, verb, word = "", , rest = ""] =
    /^(?:(use|call)\s+(?:the\s+)?(?:tool\s+)?)?([A-Za-z][\w.-]*)(\s+(?:with\s+)?([\s\S]*))?$/i.exec(sentence) ?? [];
  const tool = tools.find(({ name }) => name.toLowerCase() === word.toLowerCase());
  const pairs = keyValues(rest);
  if (!tool) {
    if (!verb || (rest !== "" && !pairs)) return undefined;
    return { say: `There is no tool named "${word}".${toolNames(tools)}` };
  }
  if (pairs) return called(tool, pairs, true);
  const place = onlyPlace(tool);
  if (verb && place) return called(tool, { [place]: unquote(rest.trim()) }, true);
  return verb ? { say: `I do not understand the arguments of "${tool.name}". ${usageOf(tool)}` } : undefined;
}

function byPattern(sentence: string, tools: readonly Tool[]): Decision | undefined {
  const matches: { tool: Tool; match: PatternMatch }[] = [];
  for (const tool of tools) {
    for (const pattern of tool.say?.length ? tool.say : (USUAL[tool.name] ?? [])) {
      const match = matchPattern(pattern, sentence);
      if (match) matches.push({ tool, match });
    }
  }
  // The pattern that says most wins; among equals the name decides, never the order in which tools came.
  matches.sort((a, b) => b.match.literal - a.match.literal || (a.tool.name < b.tool.name ? -1 : 1));
  let problem: Decision | undefined;
  for (const { tool, match } of matches) {
    const decision = called(tool, match.values, false);
    if ("call" in decision) return decision;
    problem ??= decision;
  }
  return problem;
}

function called(tool: Tool, values: Record<string, unknown>, strict: boolean): Decision {
  const outcome = typedArguments(tool.input, values, strict);
  if ("args" in outcome) return { call: { name: tool.name, args: outcome.args } };
  return { say: `I cannot call "${tool.name}": ${explain(outcome.problems)}. ${usageOf(tool)}` };
}

const explain = (problems: readonly ArgumentProblem[]): string => problems.map(({ name, why }) => `${name} ${why}`).join("; ");

function usageOf(tool: Tool): string {
  const { properties = {}, required = [] } = tool.input as { properties?: Record<string, { type?: unknown }>; required?: string[] };
  const words = Object.entries(properties).map(([name, { type }]) => {
    const word = `${name}=${String(type ?? "value").toUpperCase()}`;
    return required.includes(name) ? word : `[${word}]`;
  });
  return `Say: use ${[tool.name, ...words].join(" ")}`;
}

function toolNames(tools: readonly Tool[]): string {
  const names = tools.map(({ name }) => name).sort();
  return names.length === 0 ? " I was given no tools." : ` There is: ${names.slice(0, 40).join(", ")}.`;
}

function onlyPlace(tool: Tool): string | undefined {
  const { properties = {}, required = [] } = tool.input as { properties?: object; required?: string[] };
  if (required.length === 1) return required[0];
  const names = Object.keys(properties);
  return names.length === 1 ? names[0] : undefined;
}

/** `a=1 b="two words"` or a JSON object; {} for nothing at all, undefined for anything else. */
function keyValues(text: string): Record<string, unknown> | undefined {
  const rest = text.trim();
  if (rest.startsWith("{")) {
    try {
      const value: unknown = JSON.parse(rest);
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
    } catch {
      return undefined;
    }
  }
  const pair = /([A-Za-z_][\w-]*)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,]+)(?:,?\s+|,|$)/y;
  const values: [string, string][] = [];
  while (pair.lastIndex < rest.length) {
    const [, name = "", value = ""] = pair.exec(rest) ?? [];
    if (name === "") return undefined;
    values.push([name, unquote(value)]);
  }
  return Object.fromEntries(values);
}

function unquote(text: string): string {
  return /^"[\s\S]*"$|^'[\s\S]*'$/.test(text) && text.length > 1 ? text.slice(1, -1).replace(/\\(["\\])/g, "$1") : text;
}
