import { describe, expect, it } from "vitest";
import { visible } from "./plain-text.ts";

const ESC = "\u001b";

describe("text of others is made visible", () => {
  it.each([
    ["what is harmless stays", "rm -rf build && ls", "rm -rf build && ls"],
    ["letters of any script stay", "Grüße, 東京, שלום, مرحبا, नमस्ते", "Grüße, 東京, שלום, مرحبا, नमस्ते"],
    ["emoji stay, joined ones too", "👍🏽 ❤️ 👩‍💻 👨‍👩‍👧 1️⃣", "👍🏽 ❤️ 👩‍💻 👨‍👩‍👧 1️⃣"],
    ["a colour", `${ESC}[31mred${ESC}[0m`, "␛[31mred␛[0m"],
    ["a cleared screen and a cursor moved up", `${ESC}[2J${ESC}[1A`, "␛[2J␛[1A"],
    ["a title of the window", `${ESC}]0;owner${"\u0007"}`, "␛]0;owner␇"],
    ["a link of a terminal", `${ESC}]8;;https://evil.example${ESC}\\safe${ESC}]8;;${ESC}\\`, "␛]8;;https://evil.example␛\\safe␛]8;;␛\\"],
    ["a control string", `${ESC}P1$r${ESC}\\`, "␛P1$r␛\\"],
    ["the same in one byte of C1", "\u009b31m \u009d0;x\u009c \u0090", "⟨U+009B⟩31m ⟨U+009D⟩0;x⟨U+009C⟩ ⟨U+0090⟩"],
    ["a backspace, a bell, a zero, a delete", "a\bb\u0007c\0d\u007f", "a␈b␇c␀d␡"],
    ["a line that is written over", "rm -rf /\rls", "rm -rf /␍ls"],
    ["a form feed and a vertical tab", "a\fb\vc", "a␌b␋c"],
    ["line breaks", "one\ntwo\r\nthree", "one↵two↵three"],
    ["tabs", "a\tb", "a⇥b"],
    ["other line breaks", "a\u2028b\u2029c\u0085d", "a⟨U+2028⟩b⟨U+2029⟩c⟨U+0085⟩d"],
    ["an override of direction", "photo\u202egpj.exe", "photo⟨U+202E⟩gpj.exe"],
    ["embeddings of direction", "\u202a\u202b\u202c\u202d", "⟨U+202A⟩⟨U+202B⟩⟨U+202C⟩⟨U+202D⟩"],
    ["isolates of direction", "\u2066\u2067\u2068\u2069", "⟨U+2066⟩⟨U+2067⟩⟨U+2068⟩⟨U+2069⟩"],
    ["marks of direction", "\u200e\u200f\u061c", "⟨U+200E⟩⟨U+200F⟩⟨U+061C⟩"],
    ["what has no width", "pay\u200bpal\ufeff\u2060\u00ad", "pay⟨U+200B⟩pal⟨U+FEFF⟩⟨U+2060⟩⟨U+00AD⟩"],
    ["joiners outside emoji", "a\u200db\u200cc", "a⟨U+200D⟩b⟨U+200C⟩c"],
    ["selectors of variants outside emoji", "a\ufe0fb\ufe01", "a⟨U+FE0F⟩b⟨U+FE01⟩"],
    ["tags", "\u{e0001}\u{e0072}\u{e006d}", "⟨U+E0001⟩⟨U+E0072⟩⟨U+E006D⟩"],
    ["selectors that carry bytes", "x\u{e0100}\u{e01ef}", "x⟨U+E0100⟩⟨U+E01EF⟩"],
    ["fillers that look like nothing", "a\u3164b\u115fc\u2800d\uffa0", "a⟨U+3164⟩b⟨U+115F⟩c⟨U+2800⟩d⟨U+FFA0⟩"],
    ["invisible operators", "f\u2061x\u2063", "f⟨U+2061⟩x⟨U+2063⟩"],
    ["halves of a character", "a\ud800b\udc00", "a⟨U+D800⟩b⟨U+DC00⟩"],
    ["private and impossible characters", "\ue000\ufdd0\uffff", "⟨U+E000⟩⟨U+FDD0⟩⟨U+FFFF⟩"],
    ["spaces of other widths", "a\u00a0b\u3000c\u2003d", "a b c d"],
    ["a gap that pushes the rest out of sight", `ls${" ".repeat(400)}; rm -rf ~`, "ls⟨400 spaces⟩; rm -rf ~"],
    ["the same with spaces of other widths", `ls${"\u00a0\u3000".repeat(20)}; rm`, "ls⟨40 spaces⟩; rm"],
    ["marks stacked over other lines", `e${"\u0301".repeat(60)}x`, `e${"\u0301".repeat(4)}⟨56 stacked marks⟩x`],
  ])("%s", (_, text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  it.each([
    ["line breaks and tabs stay", "one\n\ttwo\r\nthree", "one\n\ttwo\nthree"],
    ["a gap of many lines is told", `ls\n${"\n".repeat(90)}rm -rf ~`, "ls\n⟨90 empty lines⟩\nrm -rf ~"],
    ["the same with blanks in the lines", `ls\n${"  \t\n".repeat(90)}rm`, "ls\n⟨90 empty lines⟩\nrm"],
    ["the rest is marked as in one line", `a${ESC}[2J\rb\u202ec`, "a␛[2J␍b⟨U+202E⟩c"],
  ])("in several lines %s", (_, text, expected) => {
    expect(visible(text, { lines: true })).toBe(expected);
  });

  it("shows so many characters and tells how many more there are", () => {
    expect(visible("abcdef", { max: 4 })).toBe("abcd… ⟨2 more characters⟩");
    expect(visible("abcde", { max: 4 })).toBe("abcd… ⟨1 more character⟩");
    expect(visible("abcd", { max: 4 })).toBe("abcd");
    expect(visible("x".repeat(3_000))).toBe(`${"x".repeat(2_000)}… ⟨1000 more characters⟩`);
  });

  it("leaves no half of a character where it cuts", () => {
    expect(visible("ab👍", { max: 3 })).toBe("ab… ⟨2 more characters⟩");
  });

  it("leaves nothing hidden of any code point there is, alone or between letters", () => {
    const bad = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/u;
    for (let code = 0; code <= 0x10ffff; code++) {
      const shown = visible(`a${String.fromCodePoint(code)}b`);
      if (bad.test(shown)) expect.fail(`U+${code.toString(16)} is still hidden in ${JSON.stringify(shown)}`);
    }
  });

  it("changes nothing when it is done twice", () => {
    for (const text of [`${ESC}[31m\u202e\n\t\u{e0041}`, `a${" ".repeat(50)}b`, "👩‍💻\ud800"]) {
      expect(visible(visible(text))).toBe(visible(text));
    }
  });

  it("takes no longer for a hostile text than for its bounded part", () => {
    const shown = visible(`${"\u0301".repeat(500_000)}${" \n".repeat(2_000_000)}`, { max: 1_000, lines: true });
    expect(shown.length).toBeLessThan(2_000);
  });
});
