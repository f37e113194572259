import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpokenWords, soundBytes, soundType } from "./index.ts";

describe("words that are heard", () => {
  it("are found in their lines, one after the other, and what does not stand there is passed over", () => {
    const words = new SpokenWords([{ text: "One, two. One" }, { text: "two 3." }]);
    const at = ["One,", "two.", "One", "two", "three", " 3. "].map((word, second) => words.place(word, second, second + 0.5));
    expect(at.map((one) => one && [one.line, one.from, one.to, one.start])).toEqual([
      [0, 0, 4, 0],
      [0, 5, 9, 1],
      [0, 10, 13, 2],
      [1, 0, 3, 3],
      undefined,
      [1, 4, 6, 5],
    ]);
    expect(words.place("more", 1, 2)).toBeUndefined();
    expect(new SpokenWords([{ text: "x" }]).place("x", Number.NaN, 1)).toBeUndefined();
  });

  it("never go back, whatever a server says", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9))), (times) => {
        const words = new SpokenWords([{ text: "a ".repeat(times.length) }]);
        let last = 0;
        for (const [start, end] of times) {
          const placed = words.place("a", start, end)!;
          expect(placed.start).toBeGreaterThanOrEqual(last);
          expect(placed.end).toBeGreaterThanOrEqual(placed.start);
          last = placed.start;
        }
      }),
    );
  });
});

it("sound that comes as text is base64, or a failure", () => {
  expect([...soundBytes("AAEC", "Acme")]).toEqual([0, 1, 2]);
  for (const text of ["*", undefined, "A"]) expect(() => soundBytes(text, "Acme")).toThrow(/not base64/);
  expect(soundType("opus")).toBe("audio/ogg");
});
