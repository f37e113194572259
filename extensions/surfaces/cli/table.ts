import { visible } from "@plinth/sdk";
import { color } from "./color.ts";

export interface Cell {
  text: string;
  style?: "bold" | "dim" | "red" | "green" | "yellow";
}

/** Rows under titles, as wide as the terminal at most: the widest columns give way first, cut text ends with …. */
export function renderTable(titles: string[], rows: (string | Cell)[][], terminal: { columns: number; color: boolean }): string {
  const paint = color(terminal);
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: plain(cell) } : { ...cell, text: plain(cell.text) })));
  const widths = titles.map((title, at) => Math.max(width(title), ...cells.map((row) => width(row[at]?.text ?? ""))));
  shrink(widths, (terminal.columns || 80) - 2 * (titles.length - 1));
  const line = (row: Cell[]) =>
    row
      .map((cell, at) => {
        const text = fit(cell.text, widths[at] as number);
        const padding = at === row.length - 1 ? "" : " ".repeat((widths[at] as number) - width(text));
        return (cell.style ? paint[cell.style](text) : text) + padding;
      })
      .join("  ")
      .trimEnd();
  return `${[line(titles.map((text) => ({ text, style: "bold" as const }))), ...cells.map(line)].join("\n")}\n`;
}

/** At most `columns` wide, cut with … where it is longer. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = "";
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    const wide = graphemeWidth(segment);
    if (used + wide > columns) break;
    kept += segment;
    used += wide;
  }
  return `${kept}…`;
}

/** Columns that a text takes on a terminal. */
export function width(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += graphemeWidth(segment);
  return columns;
}

/** One line of text from outside: it must neither steer the terminal, turn the direction of writing nor hide something. */
export const plain = (text: string): string => visible(text, { max: MOST });

/** Like `plain`, but line breaks, tabs and gaps stay. */
export const plainLines = (text: string): string => visible(text, { max: MOST, layout: true });

/** More than any command shows of one text. */
const MOST = 1_048_576;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const WIDE = /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

function graphemeWidth(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}

function shrink(widths: number[], room: number): void {
  const least = 6;
  while (widths.reduce((sum, one) => sum + one, 0) > room) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] as number) <= least) return;
    widths[widest] = (widths[widest] as number) - 1;
  }
}
