import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fit, renderTable, width } from "./table.ts";

const wide = (columns: number) => ({ columns, color: false });

describe("tables", () => {
  it("aligns columns under their titles", () => {
    expect(
      renderTable(
        ["ID", "STATE"],
        [
          ["acme.weather", "ready"],
          ["x", "active"],
        ],
        wide(80),
      ),
    ).toBe("ID            STATE\nacme.weather  ready\nx             active\n");
  });

  it("cuts the widest column with … when the terminal is narrow", () => {
    const text = renderTable(["ID", "TITLE"], [["acme.weather", "A very long title that does not fit"]], wide(30));
    expect(text).toContain("…");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(30);
  });

  it("colours cells only on a terminal with colours", () => {
    const rows = [[{ text: "bad", style: "red" as const }]];
    expect(renderTable(["S"], rows, { columns: 80, color: true })).toContain("\u001b[31mbad\u001b[39m");
    expect(renderTable(["S"], rows, wide(80))).not.toContain("\u001b");
  });

  it("drops control characters from cells", () => {
    expect(renderTable(["S"], [["a\u001b[2Jb\nc"]], wide(80))).toBe("S\na␛[2Jb↵c\n");
  });

  it("counts wide characters as two columns", () => {
    expect(width("日本")).toBe(4);
    expect(fit("日本語", 5)).toBe("日本…");
  });

  it("never makes a text wider than asked", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 30 }), (text, columns) => width(fit(text, columns)) <= columns));
  });
});
