import { visible } from "@plinth/sdk";
import type { CommandInput, TerminalItem } from "./command.ts";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Paint = (style: keyof typeof CODES, text: string) => string;

/** Colours where the terminal shows them (NO_COLOR is the terminal's business), plain text elsewhere. */
export function painter({ terminal }: CommandInput): Paint {
  return (style, text) => (terminal.color ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text);
}

/** Text of others, without what would steer the terminal or hide something. */
export const printable = (text: string): string => visible(text, { max: 1_048_576, layout: true });

export const milliseconds = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
export const bytes = (size: number): string =>
  size < 1_024 ? `${size} B` : size < 1_048_576 ? `${(size / 1_024).toFixed(1)} KiB` : `${(size / 1_048_576).toFixed(1)} MiB`;

/** Rows in columns, as wide as their longest cell; colours come after. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join("  "));
}

/** What is being done now, on a line of its own that the next one takes the place of; only where somebody watches. */
export function progress({ terminal }: CommandInput, text: string): TerminalItem[] {
  return terminal.tty && !terminal.json ? [{ err: `\r\u001b[K${text === "" ? "" : `${text} …`}` }] : [];
}
