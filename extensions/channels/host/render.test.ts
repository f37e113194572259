import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { piecesOf } from "./dialect.ts";
import { render } from "./render.ts";

const TEXT =
  "# Title\n\nSome **bold**, *slanted* and `code <b>`.\n\n- one\n- two\n  1. inner\n\n> said\n\n```ts\na < b\n```\n\n[here](https://example.com/?a=1&b=2) [bad](javascript:alert(1))";

describe("an answer in a channel's dialect", () => {
  it("plain has the words alone", () => {
    expect(render(TEXT, "plain")).toBe(
      "Title\n\nSome bold, slanted and code <b>.\n\n• one\n• two\n  1. inner\n\n> said\n\na < b\n\nhere (https://example.com/?a=1&b=2) [bad](javascript:alert(1))",
    );
  });

  it("HTML has tags of its own making only", () => {
    expect(render(TEXT, "html")).toBe(
      '<b>Title</b>\n\nSome <b>bold</b>, <i>slanted</i> and <code>code &lt;b&gt;</code>.\n\n• one\n• two\n  1. inner\n\n<blockquote>said</blockquote>\n\n<pre>a &lt; b</pre>\n\n<a href="https://example.com/?a=1&amp;b=2">here</a> [bad](javascript:alert(1))',
    );
    expect(render('<script>x</script> **<img src="x">**', "html")).toBe("&lt;script&gt;x&lt;/script&gt; <b>&lt;img src=&quot;x&quot;&gt;</b>");
  });

  it("mrkdwn mentions nobody and links nowhere by itself", () => {
    expect(render("**a** <!channel> <@U1> [x|y](https://e.org/a|b)", "mrkdwn")).toBe("*a* &lt;!channel&gt; &lt;@U1&gt; <https://e.org/a%7Cb|x¦y>");
  });

  it("stands whatever it is given, however deep", () => {
    for (const text of [`${"> ".repeat(3_000)}x`, `${"- ".repeat(3_000)}x`, "[".repeat(3_000), `${"*".repeat(3_001)}x`])
      for (const format of ["plain", "html", "mrkdwn"]) expect(render(text, format).length).toBeGreaterThan(0);
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.constantFrom("plain", "html", "mrkdwn"),
        (text, format) => typeof render(text, format) === "string",
      ),
    );
  });

  it("keeps to the limit also where the dialect makes it longer", async () => {
    const text = Array.from({ length: 60 }, (_, n) => `**<${n}>** & [a](https://example.com/${n})`).join("\n");
    const limits = { text: 300, unit: "bytes" as const };
    const pieces = await piecesOf(text, { format: "html", limits });
    expect(pieces.length).toBeGreaterThan(5);
    for (const piece of pieces) {
      expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(300);
      expect(piece.split("<b>").length).toBe(piece.split("</b>").length);
    }
    expect(pieces.join("\n").match(/<b>&lt;\d+&gt;<\/b>/g)).toHaveLength(60);
  });
});
