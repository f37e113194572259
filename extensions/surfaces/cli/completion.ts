/** What fits at the end of a command line, from the table of commands alone. The launcher bundles this file as well. */
import type { Command } from "./argv.ts";

/** Arguments and options that are the id of an extension that is here. */
const IDS: ReadonlySet<string> = new Set(["id", "ids", "extension"]);
const GLOBAL = ["--json", "--help"];

/**
 * Words that could stand where the last one of `words` is being typed. Nothing that would have to ask a running host.
 *
 * @param words those after `plinth`; the last one may be empty.
 * @param ids of the extensions that are here, the product's own among them.
 */
export function completions(commands: readonly Command[], words: readonly string[], ids: readonly string[]): string[] {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const path: string[] = [];
  const shown = commands.filter((one) => !one.hidden);
  const below = (start: readonly string[]): Command[] =>
    shown.filter((one) => one.path.length > start.length && start.every((word, at) => one.path[at] === word));
  for (const word of before) {
    if (!shown.some((one) => [...path, word].every((each, at) => one.path[at] === each))) break;
    path.push(word);
  }
  const command = shown.find((one) => one.path.join(" ") === path.join(" "));
  const rest = before.slice(path.length);
  const valued = valuedBy(command, rest.at(-1));
  if (valued !== undefined) return fitting(IDS.has(valued.name) ? ids : valued.values, typed);
  const found = typed.startsWith("-") ? [...Object.keys(command?.options ?? {}).map((name) => `--${name}`), ...GLOBAL] : [];
  if (!typed.startsWith("-")) {
    if (rest.length === 0) found.push(...below(path).map((one) => one.path[path.length] as string));
    if (takesId(command, rest)) found.push(...ids);
  }
  return fitting(found, typed);
}

const fitting = (words: readonly string[], typed: string): string[] =>
  [...new Set(words)].filter((one) => one.startsWith(typed) && /^[\w@.-]+$/.test(one)).sort();

/** The option that the word before is, where it takes a value: the user's own, unless there are some to choose from. */
function valuedBy(command: Command | undefined, word: string | undefined): { name: string; values: readonly string[] } | undefined {
  if (word === undefined || !word.startsWith("-") || word.includes("=")) return undefined;
  const found = Object.entries(command?.options ?? {}).find(([name, { short }]) => word === `--${name}` || word === `-${short}`);
  return found?.[1].type === "string" ? { name: found[0], values: found[1].values ?? [] } : undefined;
}

function takesId(command: Command | undefined, rest: readonly string[]): boolean {
  const given = rest.filter((word) => !word.startsWith("-")).length;
  const args = command?.args ?? [];
  const arg = args[Math.min(given, args.length - 1)];
  return arg !== undefined && IDS.has(arg.name) && (given < args.length || arg.variadic === true);
}

/** What a shell reads once; each asks `plinth --complete -- WORDS…`, which loads no code of any extension. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_plinth() {
  local IFS=$'\\n'
  COMPREPLY=($(plinth --complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _plinth plinth
`,
  zsh: `#compdef plinth
_plinth() {
  local -a found
  found=("\${(@f)$(plinth --complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -a found || _files
}
compdef _plinth plinth
`,
  fish: `complete -c plinth -f -a '(plinth --complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};
