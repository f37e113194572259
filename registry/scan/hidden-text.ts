import type { Finding } from "./finding.ts";

interface Kind {
  pattern: RegExp;
  what: string;
  level: Finding["level"];
}

/**
 * Characters that people do not see and parsers or models do. Those that turn the direction of text around make code
 * read otherwise than it runs (CVE-2021-42574); tags and runs of variation selectors carry whole hidden texts.
 */
const KINDS: readonly Kind[] = [
  { pattern: /[\u202a-\u202e\u2066-\u2069]/gu, what: "characters that turn the direction of text around", level: "danger" },
  { pattern: /[\u{e0000}-\u{e007f}]/gu, what: "invisible tag characters", level: "danger" },
  { pattern: /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{3,512}/gu, what: "runs of invisible variation selectors", level: "danger" },
  // A joiner between two emoji or two letters of a script that needs it is ordinary writing.
  {
    pattern: /(?<!\p{Extended_Pictographic}|\ufe0f|\p{Script=Arabic}|\p{Script=Devanagari}|\p{Emoji_Modifier})[\u200b-\u200d\u2060-\u2064\u180e]/gu,
    what: "invisible characters",
    level: "warning",
  },
  { pattern: /(?!^)\ufeff|\u00ad/gu, what: "invisible characters", level: "warning" },
];

/** The hidden characters of a text, one finding for each kind. */
export function hiddenText(text: string, file: string): Finding[] {
  return KINDS.flatMap(({ pattern, what, level }): Finding[] => {
    let count = 0;
    let first: number | undefined;
    for (const { index } of text.matchAll(pattern)) {
      first ??= lineAt(text, index);
      count++;
    }
    return first === undefined
      ? []
      : [{ capability: "text", level, message: `It holds ${what} (${count}, first in line ${first}).`, file, line: first }];
  });
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
