/** Programs and builtins that print nothing but what they were given, numbers, and facts of this machine. */
const OWN = new Set(
  "echo printf pwd date id whoami uname nproc uptime sleep true false test [ : mkdir rmdir touch rm chmod wc seq expr basename dirname exit cd wait kill nohup".split(
    " ",
  ),
);
/** A command follows. */
const LEADING = new Set(["if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "nohup"]);
const CLOSING = new Set(["fi", "done", "}"]);
const SHELLS = new Set(["sh", "bash", "/bin/sh", "/bin/bash"]);

/**
 * Whether a shell command can only print its writer's own words. False for whatever reads files, asks others, runs
 * programs not known here or is not understood: its output is text of others, and the work that reads it does less by itself.
 */
export function printsOwnWords(command: string): boolean {
  const words = split(command);
  if (words === null) return false;
  let expecting = true;
  let program = "";
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if ("operator" in word) {
      const target = words[at + 1];
      if (word.operator !== "<" && word.operator !== ">") expecting = true;
      else if (target === undefined || "operator" in target) return false;
      else at++;
    } else if (!expecting) {
      if (readsWords(program, word.text)) return false;
    } else if (word.text === "for") {
      while (at + 1 < words.length && !("operator" in words[at + 1]!)) at++;
    } else if (!LEADING.has(word.text) && !/^[A-Za-z_]\w*=/.test(word.text) && !CLOSING.has(word.text)) {
      program = word.text;
      const [flag, script] = words.slice(at + 1, at + 3);
      const inner = flag !== undefined && "text" in flag && flag.text === "-c" && script !== undefined && "text" in script ? script.text : null;
      if (SHELLS.has(program) ? inner === null || !printsOwnWords(inner) : !OWN.has(program)) return false;
      expecting = false;
    }
  }
  return true;
}

/** An option that names a file to take words from, such as `date -f` and `wc --files0-from`. */
const readsWords = (program: string, word: string): boolean => /^--./.test(word) || (program === "date" && /^-\w*f/.test(word));

type Word = { text: string } | { operator: string };

/** Words and operators of a command; null where it substitutes, expands names of files, or is not understood. */
function split(command: string): Word[] | null {
  const words: Word[] = [];
  let text: string | null = null;
  const end = (): void => {
    if (text !== null) words.push({ text });
    text = null;
  };
  for (let at = 0; at < command.length; at++) {
    const char = command[at]!;
    if (char === "'") {
      const close = command.indexOf("'", at + 1);
      if (close < 0) return null;
      text = (text ?? "") + command.slice(at + 1, close);
      at = close;
    } else if (char === '"') {
      const quoted = /^"((?:[^"\\`$]|\\[\s\S]|\$(?![({'"]))*)"/.exec(command.slice(at));
      if (quoted === null) return null;
      text = (text ?? "") + quoted[1];
      at += quoted[0].length - 1;
    } else if (char === "\\") text = (text ?? "") + (command[++at] ?? "");
    else if ("`*?[]~#".includes(char) && !isTest(command, at)) return null;
    else if (char === "$" && /^\$(?:[({'"])/.test(command.slice(at))) return null;
    else if (/[;&|\n()<>]/.test(char)) {
      // A number before a redirection is the descriptor's.
      if (text !== null && !(/^\d$/.test(text) && (char === "<" || char === ">"))) end();
      text = null;
      const run = /^(?:>>|>&|<&|>\||<<|[;&|\n()<>])/.exec(command.slice(at))![0];
      if (run === "<<") return null;
      words.push({ operator: run.startsWith(">") || run.startsWith("<") ? run[0]! : run });
      at += run.length - 1;
    } else if (/\s/.test(char)) end();
    else text = (text ?? "") + char;
  }
  end();
  return words;
}

/** `[ -f x ]` is a command and its last word, not a pattern. */
function isTest(command: string, at: number): boolean {
  const alone = /^[\s;&|\n]?$/.test(command[at - 1] ?? "") && /^[\s;&|\n]?$/.test(command[at + 1] ?? "");
  return alone && (command[at] === "[" || command[at] === "]");
}
