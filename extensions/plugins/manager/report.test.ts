import { describe, expect, it } from "vitest";
import { markdownPages, safe, terminalText } from "./report.ts";

describe("a report", () => {
  it("never exceeds what a message carries, and leaves nothing out", () => {
    const items = Array.from({ length: 500 }, (_, at) => `item ${at} ${"x".repeat(50)}`);
    const pages = markdownPages({ blocks: [{ text: "Head" }, { items }] });
    for (const page of pages) expect(page.length).toBeLessThanOrEqual(3_500);
    expect(pages.join("\n").match(/item \d+/g)).toHaveLength(500);
  });

  it("lets outside text neither link, nor load, nor steer", () => {
    const hostile = "![x](http://a.example/p.png) <img> `code`\n# big\u001b[2J";
    expect(safe(hostile)).not.toMatch(/[[\]<>`]|\p{Cc}/u);
    const [text = ""] = markdownPages({ blocks: [{ items: [hostile] }, { head: ["a"], rows: [[hostile, hostile]] }, { facts: [["k", hostile]] }] });
    expect(text).not.toContain("](");
    expect(text).not.toContain("<img>");
    expect(terminalText({ blocks: [{ items: [hostile] }, { text: hostile }] }, { columns: 80, color: false })).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it("fits a terminal's width", () => {
    const rows = [["demo.weather", "1.0.0", "A title that goes on and on and on for longer than fits"]];
    const blocks = [
      { head: ["id", "version", "title"], rows },
      { items: ["word ".repeat(40).trim()] },
      { facts: [["Name", "value ".repeat(40).trim()] as [string, string]] },
    ];
    const text = terminalText({ blocks }, { columns: 50, color: false });
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(50);
    expect(text).toContain("…");
  });
});
