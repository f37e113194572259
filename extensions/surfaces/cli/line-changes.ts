import { diff } from "node:util";

const MOST_LINES = 1_000;
const SIGNS: { readonly [operation: number]: string } = { [-1]: "+", 1: "-" };

/** Lines that differ between two texts, each with `-` or `+` before it, in their order; what both have is left out. */
export function lineChanges(before: string, after: string): string[] {
  return diff(linesOf(before), linesOf(after)).flatMap(([operation, line]) => (operation === 0 ? [] : [`${SIGNS[operation]} ${line}`]));
}

const linesOf = (text: string): string[] =>
  text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .slice(0, MOST_LINES);
