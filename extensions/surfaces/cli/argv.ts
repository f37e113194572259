/**
 * From a command line to the command it means, by the descriptors alone. No imports: the launcher bundles this file to
 * find out where a command runs without starting anything.
 */

/** A cli-command capability: its id and its descriptor. */
export interface Command {
  id: string;
  path: string[];
  summary: string;
  args?: { name: string; summary: string; required?: boolean; variadic?: boolean }[];
  options?: { [name: string]: CommandOption };
  examples?: string[];
  where?: "any" | "local";
  hidden?: boolean;
}

export interface CommandOption {
  type: "string" | "boolean";
  short?: string;
  summary: string;
  value?: string;
  /** All that it can be, as a shell completes it. */
  values?: string[];
  required?: boolean;
}

export interface Match {
  /** Absent for the root, for a group of commands and when nothing fits. */
  command?: Command;
  /** The words that were understood as a command's path. */
  path: string[];
  where: "any" | "local";
  json: boolean;
  help: boolean;
  version: boolean;
  args: Record<string, string | string[]>;
  options: Record<string, string | boolean>;
  /** Wrong usage: what is wrong, and a correction when there is a likely one. */
  error?: { message: string; suggestion?: string };
}

/** The longest path that fits wins; `--json`, `--help` and (before a command) `--version` are understood anywhere. */
export function matchArgv(commands: readonly Command[], argv: readonly string[]): Match {
  const match: Match = { path: [], where: "any", json: false, help: false, version: false, args: {}, options: {} };
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (takeGlobal(match, word)) continue;
    if (word.startsWith("-") || !leadsToCommand(commands, [...match.path, word])) {
      if (word !== "help" || match.path.length > 0) break;
      match.help = true;
    } else match.path.push(word);
  }
  const command = commandAt(commands, match.path);
  if (command) {
    match.command = command;
    match.where = command.where ?? "any";
    parseWords(match, command, argv.slice(at));
  } else if (at < argv.length) {
    const word = argv[at] as string;
    match.error = word.startsWith("-") ? unknownOption(word, ["json", "help", "version"]) : unknownCommand(commands, match.path, word);
    if (argv.slice(at).includes("--json")) match.json = true;
    match.help = false;
  } else if (match.path.length === 0 && !match.version) match.help = true;
  return match;
}

/** The command of exactly this path. A second claimant of a path loses to the one that is named after it. */
export function commandAt(commands: readonly Command[], path: readonly string[]): Command | undefined {
  const fitting = commands.filter((command) => command.path.length === path.length && startsWith(command.path, path));
  return fitting.find((command) => command.id === path.join(".")) ?? fitting[0];
}

export function leadsToCommand(commands: readonly Command[], path: readonly string[]): boolean {
  return commands.some((command) => startsWith(command.path, path));
}

/** The candidate that a mistyped word most likely means. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) && word.length >= 3 ? 1 : editDistance(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function parseWords(match: Match, command: Command, words: string[]): void {
  const declared = command.options ?? {};
  const positional: string[] = [];
  const fail = (message: string, suggestion?: string) => {
    match.error ??= { message, ...(suggestion === undefined ? {} : { suggestion }) };
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      positional.push(...words.slice(at + 1));
      break;
    }
    if (takeGlobal(match, word)) continue;
    if (!word.startsWith("-") || word === "-") {
      positional.push(word);
      continue;
    }
    const split = splitOption(declared, word);
    if (!split) {
      match.error ??= unknownOption(word, [...Object.keys(declared), "json", "help"]);
      continue;
    }
    const { name, option, rest } = split;
    if (option.type === "boolean") {
      if (split.value !== undefined && split.value !== "true" && split.value !== "false") {
        fail(`--${name} takes no value`);
      } else match.options[name] = split.value !== "false";
      if (rest) words.splice(at + 1, 0, `-${rest}`);
    } else if (split.value !== undefined) {
      match.options[name] = split.value;
    } else {
      const next = words[at + 1];
      if (next === undefined || next === "--" || isOption(declared, next)) fail(`--${name} needs a value`);
      else {
        match.options[name] = next;
        at++;
      }
    }
  }
  assignArgs(match, command, positional, fail);
  for (const [name, option] of Object.entries(declared)) {
    if (option.required && !Object.hasOwn(match.options, name)) fail(`option --${name} is missing`);
  }
  if (match.help) delete match.error;
}

function assignArgs(match: Match, command: Command, words: string[], fail: (message: string) => void): void {
  let at = 0;
  for (const arg of command.args ?? []) {
    if (arg.variadic) {
      if (at < words.length) match.args[arg.name] = words.slice(at);
      else if (arg.required) fail(`argument ${arg.name.toUpperCase()} is missing`);
      return;
    }
    if (at < words.length) match.args[arg.name] = words[at++] as string;
    else if (arg.required) fail(`argument ${arg.name.toUpperCase()} is missing`);
  }
  if (at < words.length) fail(`unexpected argument "${words[at]}"`);
}

/** `--name`, `--name=value`, `-n`, `-nvalue`, `-ab` (booleans; the rest goes back to be read as `-b`). */
function splitOption(declared: { [name: string]: CommandOption }, word: string) {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    if (!Object.hasOwn(declared, name)) return undefined;
    const option = declared[name] as CommandOption;
    return { name, option, value: equals < 0 ? undefined : word.slice(equals + 1), rest: "" };
  }
  const entry = Object.entries(declared).find(([, option]) => option.short === word[1]);
  if (!entry) return undefined;
  const [name, option] = entry;
  const tail = word.slice(2);
  if (option.type === "boolean") {
    return tail.startsWith("=") ? { name, option, value: tail.slice(1), rest: "" } : { name, option, value: undefined, rest: tail };
  }
  return { name, option, value: tail === "" ? undefined : tail.replace(/^=/, ""), rest: "" };
}

function isOption(declared: { [name: string]: CommandOption }, word: string): boolean {
  if (["--json", "--help", "-h"].includes(word)) return true;
  if (word.startsWith("--")) return splitOption(declared, word) !== undefined;
  return word.length === 2 && word.startsWith("-") && splitOption(declared, word) !== undefined;
}

function takeGlobal(match: Match, word: string): boolean {
  if (word === "--json") match.json = true;
  else if (word === "--help" || word === "-h") match.help = true;
  else if ((word === "--version" || word === "-V") && match.path.length === 0) match.version = true;
  else return false;
  return true;
}

function unknownCommand(commands: readonly Command[], path: string[], word: string): Match["error"] {
  const candidates = new Set<string>();
  for (const command of commands) {
    const next = command.path[path.length];
    if (next !== undefined && !command.hidden && startsWith(command.path, path)) candidates.add(next);
  }
  const meant = closest(word, [...candidates]);
  return {
    message: `unknown command "${[...path, word].join(" ")}"`,
    ...(meant === undefined ? {} : { suggestion: ["plinth", ...path, meant].join(" ") }),
  };
}

function unknownOption(word: string, names: string[]): Match["error"] {
  const option = word.split("=", 1)[0] as string;
  const meant = option.startsWith("--") ? closest(option.slice(2), names) : undefined;
  return { message: `unknown option ${option}`, ...(meant === undefined ? {} : { suggestion: `--${meant}` }) };
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.length <= path.length && start.every((word, at) => path[at] === word);
}

/** Edits (insert, delete, replace, swap neighbours) from one word to the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let cost = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) cost = Math.min(cost, (before[j - 2] as number) + 1);
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return row[to.length] as number;
}
