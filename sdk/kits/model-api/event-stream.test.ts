import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventStreamParser } from "./event-stream.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => new EventStreamParser().push(bytes(text));

describe("the event stream parser", () => {
  it("gives the data of complete events only", () => {
    expect(parse("data: a\n\ndata: b\n\ndata: half\n")).toEqual(["a", "b"]);
  });

  it("takes LF, CRLF and CR as line ends", () => {
    expect(parse("data: a\r\n\r\ndata: b\r\rdata: c\n\n")).toEqual(["a", "b", "c"]);
  });

  it("joins the lines of one event, and removes one space only", () => {
    expect(parse("data: a\ndata:b\ndata:  c\ndata\n\n")).toEqual(["a\nb\n c\n"]);
  });

  it("skips comments, other fields and events without data", () => {
    expect(parse(": keep-alive\n\nevent: x\nid: 1\nretry: 5\n\ndatabase: no\n\ndata: a\n\n")).toEqual(["a"]);
  });

  it("skips a byte order mark at the start", () => {
    expect(parse("\uFEFFdata: a\n\n")).toEqual(["a"]);
  });

  it("gives the same events wherever the bytes are cut", () => {
    const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replace(/[\r\n\uFEFF]/g, ""));
    const event = fc.array(line, { minLength: 1, maxLength: 3 });
    const ending = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), ending, fc.array(fc.nat({ max: 400 }), { maxLength: 60 }), (list, end, cuts) => {
        const text = list.map((lines) => `: c${end}${lines.map((one) => `data: ${one}${end}`).join("")}${end}`).join("");
        const whole = bytes(text);
        const parser = new EventStreamParser();
        const found: string[] = [];
        let from = 0;
        for (const cut of [...cuts.map((one) => one % (whole.length + 1)).sort((a, b) => a - b), whole.length]) {
          found.push(...parser.push(whole.subarray(from, cut)));
          from = cut;
        }
        expect(found).toEqual(list.map((lines) => lines.join("\n")));
      }),
      { numRuns: 500 },
    );
  });

  it("refuses lines and events beyond its limit, complete or not", () => {
    const refused = expect.objectContaining({ code: "PLINTH_MODEL_STREAM" });
    const attempt = (text: string) => {
      try {
        const parser = new EventStreamParser(100);
        for (const byte of bytes(text)) parser.push(Uint8Array.of(byte));
        return undefined;
      } catch (error) {
        return error;
      }
    };
    expect(attempt(`data: ${"x".repeat(200)}`)).toEqual(refused);
    expect(attempt(`${"data: xxxxxxxxxxxxxxxxxxxx\n".repeat(20)}`)).toEqual(refused);
    expect(attempt(`data: ${"x".repeat(50)}\n\n`.repeat(20))).toBeUndefined();
  });

  it("replaces what is not UTF-8, as the standard says, so that one bad byte does not cost the answer", () => {
    expect(new EventStreamParser().push(Uint8Array.from([...bytes("data: a"), 255, 254, ...bytes("b\n\n")]))).toEqual(["a\ufffd\ufffdb"]);
  });
});
