import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Measured } from "./measure.ts";

export interface Score {
  /** Which tests: a commit of web-platform-tests, and its day. */
  commit: string;
  day: string;
  areas: Measured;
}

export const SCORE = join(import.meta.dirname, "score.json");
export const score = JSON.parse(readFileSync(SCORE, "utf8")) as Score;

/** For people: how many of an area's tests pass. */
export function scoreTable({ areas }: Score): string {
  const rows = Object.entries(areas).map(([area, files]) => {
    const all = Object.values(files);
    const total = all.reduce((sum, one) => sum + one.total, 0);
    const passed = total - all.reduce((sum, { failed }) => sum + failed.length, 0);
    return [/[`\s]|^streams$/.test(area) ? area : `\`${area}\``, `${passed} of ${total}`, `${Math.floor((passed / total) * 1_000) / 10} %`];
  });
  const head = ["what", "tests passed", "share"];
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: string[]): string => `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
