import { type ShellWord, shellWords, type Text } from "./shell-words.ts";

/** Programs and builtins that print nothing but what they were given, numbers, and facts of this machine. */
const OWN = new Set(
  "echo printf pwd date id whoami uname nproc uptime sleep test [ : true false mkdir rmdir touch rm chmod wc seq expr basename dirname exit cd wait kill nohup".split(
    " ",
  ),
);
/** Those of them that a variable can give no option by which they read, and that evaluate none of their words. */
const TAKES_VARIABLES = new Set("echo sleep exit mkdir rmdir touch seq expr basename dirname : true false".split(" "));
/** A command follows. */
const LEADING = new Set(["if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "nohup"]);
const CLOSING = new Set(["fi", "done", "}"]);
const SHELLS = new Set(["sh", "bash", "/bin/sh", "/bin/bash"]);
/** Names in capitals change what programs and shells do: PATH, BASH_ENV, PS4. */
const VARIABLE = /^[a-z_][a-z0-9_]*$/;
const ASSIGNMENT = /^([A-Za-z_]\w*)=/;
/** By program, the options by which it tells text or names of files, or evaluates a word. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  date: /^-\w*f/,
  // Where a link leads.
  cd: /^-\w*P/,
  pwd: /^-\w*P/,
  // A shell evaluates the subscript of a variable that is named.
  test: /^-[vR]/,
  "[": /^-[vR]/,
  printf: /^-/,
  wait: /^-/,
};
/** The same of those that go through a folder; where nothing is printed they told nothing. */
const FOLDERS: Readonly<Record<string, RegExp>> = { rm: /^-\w*[rRvi]/, chmod: /^-\w*[Rvc]/ };
const PATTERN = /[*?\\]|\[(?![ \t])/;

/**
 * Whether a shell command can only print its writer's own words. False for whatever reads files or their names, asks
 * others, runs programs not known here or is not understood, in dash or in bash: its output is text of others, and the
 * work that reads it does less by itself.
 *
 * @param silent that it printed nothing.
 * @param patterns that its environment or arguments may hold a pattern.
 */
export function printsOwnWords(command: string, silent = false, patterns = false): boolean {
  const words = shellWords(command);
  if (words === null) return false;
  // The value of a variable may be any text of the command: one that could be a pattern becomes names of files.
  const mayMatch = patterns || PATTERN.test(command);
  if (mayMatch && words.some((word) => isText(word) && word.bare)) return false;
  let expecting = true;
  let program = "";
  let place = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!isText(word)) {
      const target = words[at + 1];
      if (word.operator !== "<" && word.operator !== ">") expecting = true;
      else if (target === undefined || !isText(target)) return false;
      else at++;
    } else if (!expecting) {
      if (tells(program, word, place++, silent)) return false;
    } else if (word.plain >= 3 && word.text === "for") {
      const [name, among] = words.slice(at + 1, at + 3);
      // Without `in` its body may follow at once.
      if (!isText(name) || !VARIABLE.test(name.text) || !isText(among) || among.plain < 2 || among.text !== "in") return false;
      while (at + 1 < words.length && isText(words[at + 1])) at++;
    } else if (ASSIGNMENT.test(word.text)) {
      const [whole, name = ""] = ASSIGNMENT.exec(word.text)!;
      // Quoted in its name, it would be a program of that name.
      if (!VARIABLE.test(name) || word.plain < whole.length) return false;
    } else if (word.plain < word.text.length || !(LEADING.has(word.text) || CLOSING.has(word.text))) {
      program = word.text;
      place = 0;
      const [flag, script] = words.slice(at + 1, at + 3);
      const inner = isText(flag) && flag.text === "-c" && isText(script) && !script.expands ? script.text : null;
      if (SHELLS.has(program) ? inner === null || !printsOwnWords(inner, silent, mayMatch) : !OWN.has(program)) return false;
      expecting = false;
    }
  }
  return true;
}

/** A word of a program by which it tells more than its writer said. */
function tells(program: string, { text, expands, bare }: Text, place: number, silent: boolean): boolean {
  if (/^--./.test(text) || OPTIONS[program]?.test(text) || (!silent && FOLDERS[program]?.test(text))) return true;
  // Behind its script a shell is given what that calls $0, $1 and so on.
  if (SHELLS.has(program)) return bare || expands;
  // What is printed may be any variable; how it is printed stands first.
  return expands && !TAKES_VARIABLES.has(program) && !(program === "printf" && place > 0);
}

const isText = (word: ShellWord | undefined): word is Text => word !== undefined && "text" in word;
