/** A block of code that is open at some place of a text. */
export interface Fence {
  /** What closes it. */
  readonly marker: string;
  /** The line that opened it. */
  readonly line: string;
  /** Where that line begins in the text that was read; -1: before it. */
  readonly from: number;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/;

/** The block that is open behind `text`, if one is. @param open what was open before it. */
export function fenceAfter(text: string, open: Fence | undefined): Fence | undefined {
  let state = open === undefined ? undefined : { ...open, from: -1 };
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf("\n", from);
    const line = end < 0 ? text.slice(from) : text.slice(from, end);
    const match = FENCE.exec(line);
    if (match !== null) {
      const [, marker = "", info = ""] = match;
      if (state === undefined) {
        if (marker[0] === "~" || !info.includes("`")) state = { marker, line, from };
      } else if (marker[0] === state.marker[0] && marker.length >= state.marker.length && info.trim() === "") state = undefined;
    }
    if (end < 0) break;
    from = end + 1;
  }
  return state;
}

export const isFenceLine = (line: string): boolean => FENCE.test(line);
