import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainDelta } from "./plain-delta.ts";

const KINDS = { text_delta: "text", thinking_delta: "thinking", input_json_delta: "partial_json" } as const;
const kind = fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[]));
const written = (index: unknown, type: keyof typeof KINDS, text: string) =>
  JSON.stringify({ type: "content_block_delta", index, delta: { type, [KINDS[type]]: text } });

describe("a delta that is not parsed", () => {
  it("is read as the parser reads it, or left to the parser", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom('a"b', "a\\b", "}}", '"}}', "\t", "\ud800"));
    fc.assert(
      fc.property(fc.nat({ max: 12_000 }), kind, text, fc.nat({ max: 3 }), (index, type, said, spaces) => {
        const data = written(index, type, said).replace(/\}\}$/, `}${" ".repeat(spaces)}}`);
        const plain = plainDelta(data);
        if (plain === undefined) return;
        const { index: at, delta } = JSON.parse(data);
        expect(plain).toEqual({ index: at, type: delta.type, text: delta[KINDS[type]] });
      }),
    );
  });

  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("is one of the kind %s that has nothing to unescape", (type) => {
    for (const said of ["", "word", " größer, \u{1f600} ", "{'a': 1}}"])
      expect(plainDelta(written(7, type, said))).toEqual({ index: 7, type, text: said });
  });

  it("whatever is cut, changed or put in anywhere gives no other answer than the parser", () => {
    const whole = written(3, "text_delta", "some words");
    fc.assert(
      fc.property(
        fc.nat({ max: whole.length }),
        fc.nat({ max: 4 }),
        fc.constantFrom("", "0", " ", '"', "\\", "}", ",", "\n", "\u0001", "é"),
        (at, cut, put) => {
          const data = whole.slice(0, at) + put + whole.slice(at + cut);
          const plain = plainDelta(data);
          if (plain === undefined) return;
          const { type, index, delta } = JSON.parse(data);
          expect([type, index, delta.type, delta.text]).toEqual(["content_block_delta", plain.index, plain.type, plain.text]);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
