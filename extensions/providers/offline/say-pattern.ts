export interface PatternMatch {
  /** Captured text by argument name. */
  readonly values: Record<string, string>;
  /** How many characters of the sentence the pattern itself says. */
  readonly literal: number;
}

/** Arguments whose punctuation belongs to them. */
const VERBATIM = new Set(["command", "content", "text", "query", "code", "pattern", "expression", "script"]);
/** Arguments whose quotes belong to them as well. */
const QUOTED = new Set(["command", "code", "expression", "script"]);

/**
 * Match a sentence against a pattern such as `write {content} to {path}`: the whole sentence, whatever its case. Words
 * between places are looked for from the end, so that the first place may contain them. No regular expression is made:
 * patterns come from extensions and sentences from people, and both may be hostile.
 */
export function matchPattern(pattern: string, sentence: string): PatternMatch | undefined {
  const { literals, places } = parts(pattern);
  if (literals.every((literal) => literal.trim() === "")) return undefined;
  const text = places.length === 0 ? sentence.replace(/[?!.\s]+$/, "") : sentence;
  const folded = fold(text);
  const first = literals[0]!;
  const last = literals.at(-1)!;
  if (places.length === 0) return folded === first ? { values: {}, literal: first.length } : undefined;
  if (!folded.startsWith(first) || !folded.endsWith(last)) return undefined;
  let end = text.length - last.length;
  const captured: string[] = [];
  for (let n = places.length - 1; n > 0; n--) {
    const literal = literals[n]!;
    const at = end - literal.length < 0 ? -1 : folded.lastIndexOf(literal, end - literal.length);
    if (at < first.length) return undefined;
    captured.unshift(text.slice(at + literal.length, end));
    end = at;
  }
  if (end < first.length) return undefined;
  captured.unshift(text.slice(first.length, end));
  const values: Record<string, string> = {};
  for (const [n, name] of places.entries()) {
    const value = tidy(name, captured[n]!, n === places.length - 1 && last === "");
    if (value === "") return undefined;
    Object.defineProperty(values, name, { value, enumerable: true });
  }
  return { values, literal: literals.join("").length };
}

function parts(pattern: string): { literals: string[]; places: string[] } {
  const pieces = pattern.trim().split(/\{([A-Za-z_][A-Za-z0-9_]{0,63})\}/);
  return { literals: pieces.filter((_, n) => n % 2 === 0).map(fold), places: pieces.filter((_, n) => n % 2 === 1) };
}

/** Lower case, but only where that keeps every position. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

function tidy(name: string, raw: string, closesSentence: boolean): string {
  let value = raw.trim();
  if (closesSentence && !VERBATIM.has(name)) value = value.replace(/(?<=[\p{L}\p{N}"')])[?!.]+$/u, "");
  const quoted = value.length > 1 && (/^"[^"]*"$/.test(value) || /^'[^']*'$/.test(value) || /^`[^`]*`$/.test(value));
  return quoted && !QUOTED.has(name) ? value.slice(1, -1) : value;
}
