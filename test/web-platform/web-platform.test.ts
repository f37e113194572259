import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type FileResult, measure } from "./measure.ts";
import { SCORE, score, scoreTable } from "./score.ts";

const page = join(import.meta.dirname, "../../docs/guest-api.md");
const writes = process.env.PLINTH_WRITE_DOCS === "1";
/** A checkout of web-platform-tests. They are not a part of this repository. */
const checkout = process.env.PLINTH_WPT;
if (checkout === undefined) console.warn("skipped: web-platform-tests (PLINTH_WPT is the folder of a checkout)");

it.skipIf(checkout === undefined)(
  "an isolate passes the web platform's tests that it passed before",
  async () => {
    const areas = await measure(checkout!);
    const now = Object.values(areas).flatMap(Object.entries);
    const before: Record<string, { failed: string[] }> = Object.assign({}, ...Object.values(score.areas));
    const lost = now.flatMap(([file, { failed }]: [string, FileResult]) =>
      failed.filter((name) => before[file]?.failed.includes(name) !== true).map((name) => `${file}: ${name}`),
    );
    if (writes) writeFileSync(SCORE, `${JSON.stringify({ ...score, areas }, null, 1)}\n`);
    else expect(lost).toEqual([]);
    const passed = (of: typeof areas): number =>
      Object.values(of)
        .flatMap(Object.values)
        .reduce((sum, { total, failed }) => sum + total - failed.length, 0);
    if (!writes) expect(passed(areas)).toBeGreaterThanOrEqual(passed(score.areas));
  },
  300_000,
);

it("the page shows the score", () => {
  const shown = /(<!-- score: [^>]*-->\n\n)([\s\S]*?)(\n\n<!-- score end -->)/;
  const table = scoreTable(JSON.parse(readFileSync(SCORE, "utf8")));
  if (writes) writeFileSync(page, readFileSync(page, "utf8").replace(shown, `$1${table}$3`));
  const text = readFileSync(page, "utf8");
  expect(shown.exec(text)?.[2], "PLINTH_WRITE_DOCS=1 writes it anew").toBe(table);
  expect(text).toContain(`\`${score.commit.slice(0, 10)}\` of ${score.day}`);
});
