export interface VisibleOptions {
  /** Most characters of `text` that are shown; default 2 000. What is cut is told in numbers. */
  max?: number;
  /** true: line breaks and tabs stay. Default false: one line, with `↵` and `⇥` in their places. */
  lines?: boolean;
  /** true: wide gaps and empty lines stay too, for text in a place of its own, such as code. Implies `lines`. */
  layout?: boolean;
}

/** A code point that shows nothing, steers a terminal, turns the direction of writing or is not text at all. */
const HIDDEN = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2028\u2029\u2800]`;
/** Those that emoji are made with, where an emoji stands. */
const IN_EMOJI = String.raw`(?<=\p{ExtPict})\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)|(?<=\p{ExtPict}[\ufe0f\p{EMod}]?)\u200d(?=\p{ExtPict})`;
const MARKED = new RegExp(
  String.raw`(?<kept>${IN_EMOJI})|\r?\n(?<empty>(?:[ \t]*\r?\n){4,})|(?<line>\r?\n)|(?<tab>\t)|(?<blanks>\p{Zs}{9,})|(?<blank>(?! )\p{Zs})|(?<=\p{M}{4})(?<stack>\p{M}+)|(?<hidden>${HIDDEN})`,
  "gu",
);
const HARMLESS = /^(?:(?! {9})[ -~])*$/;

/**
 * Text of somebody else, so that a person sees all that is in it: control characters and escape sequences, what turns
 * the direction of writing, what has no width, tags, lone surrogates, wide gaps and stacked marks become visible marks,
 * such as `␛` and `⟨U+202E⟩`. The result steers nothing, hides nothing and is bounded; it is not HTML or Markdown.
 */
export function visible(text: string, { max = 2_000, layout = false, lines = layout }: VisibleOptions = {}): string {
  const whole = String(text);
  if (whole.length <= max && HARMLESS.test(whole)) return whole;
  const shown = cut(whole, max);
  const marked = shown.replace(MARKED, (match: string, ...rest: unknown[]) => mark(match, rest.at(-1) as Groups, lines, layout));
  return shown.length === whole.length ? marked : `${marked}… ⟨${counted(whole.length - shown.length, "more character")}⟩`;
}

/** Whether there is something in it that `visible` would have to mark: for names and titles, which have no use for that. */
export function hides(text: string, lines = false): boolean {
  if (HARMLESS.test(text)) return false;
  for (const { groups } of text.matchAll(MARKED)) {
    const { hidden, stack, line, tab, empty } = groups as Groups;
    if (hidden !== undefined || stack !== undefined || (!lines && (line ?? tab ?? empty) !== undefined)) return true;
  }
  return false;
}

/** The same of all texts of a value, the names of its keys too. Texts for a model may have lines. */
export function hidesWithin(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const one = left.pop();
    if (typeof one === "string" && hides(one, true)) return true;
    if (typeof one === "object" && one !== null) left.push(...Object.keys(one), ...Object.values(one));
  }
  return false;
}

interface Groups {
  hidden?: string;
  kept?: string;
  empty?: string;
  line?: string;
  tab?: string;
  blanks?: string;
  blank?: string;
  stack?: string;
}

function mark(match: string, groups: Groups, lines: boolean, layout: boolean): string {
  const { kept, empty, line, tab, blanks, blank, stack } = groups;
  if (kept !== undefined) return kept;
  if (layout && (empty !== undefined || blanks !== undefined)) return match.replace(/\r\n/g, "\n").replace(/(?! )\p{Zs}/gu, " ");
  if (empty !== undefined) {
    const gap = `⟨${counted(empty.split("\n").length - 1, "empty line")}⟩`;
    return lines ? `\n${gap}\n` : gap;
  }
  if (line !== undefined) return lines ? "\n" : "↵";
  if (tab !== undefined) return lines ? "\t" : "⇥";
  if (blanks !== undefined) return `⟨${counted([...blanks].length, "space")}⟩`;
  if (blank !== undefined) return " ";
  if (stack !== undefined) return `⟨${counted([...stack].length, "stacked mark")}⟩`;
  const code = match.codePointAt(0) as number;
  // The Unicode block of control pictures has one for each of these.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Never in the middle of a pair of surrogates, so that no half of one is left. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = Math.max(0, Math.floor(max));
  return text.slice(0, /[\ud800-\udbff]/.test(text.charAt(end - 1)) ? end - 1 : end);
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
