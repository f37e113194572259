/**
 * Help pages, rendered from command descriptors. No imports but types: the launcher bundles this file and answers
 * `--help` from data.
 */
import type { Command } from "./argv.ts";

export interface HelpOptions {
  /** Width of the terminal; default 80. */
  columns?: number;
  color?: boolean;
  /** Shown in the root page's first line. */
  version?: string;
}

/** The page of a command, of a group of commands, or (path []) of the whole program. */
export function renderHelp(commands: readonly Command[], path: readonly string[], options: HelpOptions = {}): string {
  const page = new Page(options);
  const { command, below } = commandsAt(commands, path);
  const name = ["plinth", ...path].join(" ");
  if (command) commandPage(page, name, command);
  else {
    page.line(path.length === 0 ? `plinth${options.version ? ` ${options.version}` : ""}: a plugin host for AI agents` : name);
    page.section("Usage", [[`${name} COMMAND [options]`, ""]]);
  }
  if (path.length === 0) rootPage(page, below);
  else if (below.length > 0)
    page.section(
      "Commands",
      below.map((one) => [one.path.join(" "), one.summary]),
    );
  page.section(command?.options ? "Global options" : "Options", [
    ["    --json", "Print the result as JSON"],
    ["-h, --help", "Show help for a command"],
    ...(path.length === 0 ? ([["-V, --version", "Show the version"]] as [string, string][]) : []),
  ]);
  if (!command) page.line("", `Run \`${name} COMMAND --help\` for one command.`);
  return page.text();
}

/** The same as data, for programs: the command itself, where the path is one, and those below it. */
export function helpData(commands: readonly Command[], path: readonly string[]): object {
  const { command, below } = commandsAt(commands, path);
  const told = (one: Command): object => {
    const { summary, args = [], options = {}, examples = [] } = one;
    return { command: one.path.join(" "), usage: usageLine(one), summary, args, options, examples };
  };
  return { ...(command ? told(command) : { command: path.join(" ") }), commands: below.map(told) };
}

function commandsAt(commands: readonly Command[], path: readonly string[]): { command: Command | undefined; below: Command[] } {
  const below = commands
    .filter((command) => !command.hidden && command.path.length > path.length && path.every((word, at) => command.path[at] === word))
    .sort((a, b) => (a.path.join(" ") < b.path.join(" ") ? -1 : 1));
  return { command: commands.find((one) => one.path.join(" ") === path.join(" ")), below };
}

/** What people need first, in the order in which they need it. */
const FIRST: readonly string[] = [
  "init",
  "gateway run",
  "agent",
  "plugins search",
  "plugins install",
  "plugins list",
  "approvals list",
  "config set",
  "status",
  "doctor",
];

/** The first ten by themselves, single commands by theirs, all others as groups. */
function rootPage(page: Page, commands: readonly Command[]): void {
  const nameOf = (one: Command): string => one.path.join(" ");
  const first = FIRST.flatMap((name) => commands.find((one) => nameOf(one) === name) ?? []);
  if (first.length > 0)
    page.section(
      "Start here",
      first.map((one) => [nameOf(one), one.summary]),
    );
  const groups = new Map<string, Command[]>();
  for (const one of commands) {
    const name = one.path[0] as string;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  // A command with others below it, such as `models`, stands here too: as a group only those are named.
  const alone = [...groups.values()].flatMap((list) => list.filter((one) => (list.length === 1 || one.path.length === 1) && !first.includes(one)));
  if (alone.length > 0)
    page.section(
      "Commands",
      alone.map((one) => [nameOf(one), one.summary]),
    );
  const several = [...groups].filter(([, list]) => list.length > 1);
  if (several.length > 0)
    page.section(
      "Groups",
      several.map(([name, list]) => [name, list.flatMap((one) => (one.path.length > 1 ? one.path.slice(1).join(" ") : [])).join(", ")]),
    );
}

/** One line, such as `plinth config set PATH VALUE [options]`. */
export function usageLine(command: Command): string {
  const words = ["plinth", ...command.path];
  for (const [name, option] of Object.entries(command.options ?? {})) {
    if (option.required) words.push(`--${name}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`);
  }
  for (const arg of command.args ?? []) {
    const name = `${arg.name.toUpperCase()}${arg.variadic ? "…" : ""}`;
    words.push(arg.required ? name : `[${name}]`);
  }
  if (Object.values(command.options ?? {}).some((option) => !option.required)) words.push("[options]");
  return words.join(" ");
}

function commandPage(page: Page, name: string, command: Command): void {
  page.line(`${name}: ${command.summary}`);
  page.section("Usage", [[usageLine(command), ""]]);
  if (command.args?.length) {
    page.section(
      "Arguments",
      command.args.map((arg) => [arg.name.toUpperCase(), `${arg.summary}${arg.required ? "" : " (optional)"}`]),
    );
  }
  const options = Object.entries(command.options ?? {});
  if (options.length > 0) {
    page.section(
      "Options",
      options.map(([long, option]) => [
        `${option.short ? `-${option.short}, ` : "    "}--${long}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`,
        `${option.summary}${option.required ? " (required)" : ""}`,
      ]),
    );
  }
  if (command.examples?.length)
    page.section(
      "Examples",
      command.examples.map((example) => [example, ""]),
    );
}

class Page {
  #lines: string[] = [];
  #columns: number;
  #color: boolean;

  constructor(options: HelpOptions) {
    this.#columns = Math.max(40, options.columns || 80);
    this.#color = options.color ?? false;
  }

  line(...lines: string[]): void {
    for (const line of lines) this.#lines.push(...wrap(plain(line), this.#columns));
  }

  /** A heading and rows of two columns; the second is wrapped beside the first. */
  section(title: string, rows: [string, string][]): void {
    this.#lines.push("", this.#color ? `\u001b[1m${title}\u001b[22m` : title);
    const widest = Math.max(...rows.map(([first, second]) => (second ? plain(first).length : 0)));
    const indent = Math.min(widest, Math.floor(this.#columns / 2)) + 4;
    for (const [first, second] of rows) {
      const label = `  ${plain(first)}`;
      const text = second ? wrap(plain(second), Math.max(20, this.#columns - indent)) : [];
      if (text.length === 0) this.#lines.push(label);
      else if (label.length + 2 > indent) this.#lines.push(label, ...text.map((line) => " ".repeat(indent) + line));
      else this.#lines.push(...text.map((line, at) => (at === 0 ? label : "").padEnd(indent) + line));
    }
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

/** Descriptors come from extensions: their text must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]+/gu, " ");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}
