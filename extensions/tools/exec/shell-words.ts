export interface Text {
  text: string;
  /** How much of it stands before the first quoted character. Quoted, it is neither a keyword nor an assignment to a shell. */
  plain: number;
  /** It holds something that a shell puts there, other than a number of its own such as `$?`. */
  expands: boolean;
  /** Of that, something outside of quotes: it is split, and what looks like a pattern becomes names of files. */
  bare: boolean;
}
export type ShellWord = Text | { operator: string };

const OPERATOR = /^(?:>>|>&|<&|>\||<<|[;&|\n()<>])/;
/** Substitutes a command, evaluates or decodes: none of it is followed here. */
const SUBSTITUTES = /^\$[({'"[]/;
const NUMBER = /^\$[?$!#]/;

/** Words and operators of a command; null where it substitutes, expands names of files, or is not understood. */
export function shellWords(command: string): ShellWord[] | null {
  const words: ShellWord[] = [];
  let word: Text | null = null;
  const begun = (): Text => (word ??= { text: "", plain: Number.POSITIVE_INFINITY, expands: false, bare: false });
  const quote = (): Text => {
    const one = begun();
    one.plain = Math.min(one.plain, one.text.length);
    return one;
  };
  const end = (): void => {
    if (word !== null) words.push(word);
    word = null;
  };
  for (let at = 0; at < command.length; at++) {
    const rest = command.slice(at, at + 2);
    const char = rest[0]!;
    if (char === "'") {
      const close = command.indexOf("'", at + 1);
      if (close < 0) return null;
      quote().text += command.slice(at + 1, close);
      at = close;
    } else if (char === '"') {
      quote();
      for (at++; command[at] !== '"'; at++) {
        const one = command.slice(at, at + 2);
        if (one === "" || one[0] === "`" || SUBSTITUTES.test(one.replace(/["']$/, ""))) return null;
        if (one[0] === "$" && !NUMBER.test(one)) begun().expands = true;
        // A backslash stays before all but these.
        if (one[0] === "\\" && /[$`"\\\n]/.test(one[1] ?? "")) {
          at++;
          if (one[1] !== "\n") begun().text += one[1];
        } else begun().text += one[0];
      }
    } else if (char === "\\") {
      at++;
      if (rest[1] === "\n") continue;
      quote().text += rest[1] ?? "";
    } else if (OPERATOR.test(char)) {
      // A number before a redirection is the descriptor's.
      const descriptor = (char === "<" || char === ">") && word !== null && /^\d$/.test((word as Text).text);
      if (descriptor) word = null;
      end();
      const run = OPERATOR.exec(rest)![0];
      if (run === "<<") return null;
      words.push({ operator: /^[<>]/.test(run) ? run[0]! : run });
      at += run.length - 1;
    } else if (char === " " || char === "\t") end();
    // Other spaces are letters to one shell and spaces to another. `[ -f x ]` and `{ x; }` are no patterns.
    else if (/[`*?[\]~#{}\s\p{Cc}]/u.test(char)) {
      if (!"[]{}".includes(char) || !isAlone(command, at)) return null;
      begun().text += char;
    } else {
      if (char === "$") {
        if (SUBSTITUTES.test(rest)) return null;
        if (!NUMBER.test(rest)) {
          begun().expands = true;
          begun().bare = true;
        }
      }
      if (NUMBER.test(rest)) at++;
      begun().text += NUMBER.test(rest) ? rest : char;
    }
  }
  end();
  return words;
}

const isAlone = (command: string, at: number): boolean =>
  [command[at - 1] ?? "", command[at + 1] ?? ""].every((beside) => /^[ \t\n;&|()]?$/.test(beside));
