import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { WireMessage } from "./protocol.ts";

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const data = fc.jsonValue({ maxDepth: 3 });
const message = fc.oneof(
  fc.tuple(fc.constant("call"), id, fc.string(), data, fc.constantFrom({}, { stream: true }, { work: "w" })),
  fc.tuple(fc.constant("ok"), id, data),
  fc.tuple(fc.constant("err"), id, fc.constant({ code: "PLINTH_X", message: "…" })),
  fc.tuple(fc.constant("next"), id, data),
  fc.tuple(fc.constantFrom("end", "cancel"), id),
  fc.tuple(fc.constant("credit"), id, fc.integer({ min: 1, max: 65_536 })),
  fc.tuple(fc.constant("note"), fc.string(), data),
) as unknown as fc.Arbitrary<WireMessage>;

/** The bytes cut at the given places. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

const frame = (body: string): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(body));
  return Buffer.concat([head, Buffer.from(body)]);
};

describe("a frame reader", () => {
  it("gives the messages as they were written, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.array(message, { maxLength: 5 }), { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (batches, at) => {
        const bytes = Buffer.concat(batches.map((batch) => encodeFrame(batch.map((one) => JSON.stringify(one)))));
        const reader = new FrameReader();
        const read = cut(bytes, at).flatMap((chunk) => reader.push(chunk));
        expect(read).toEqual(JSON.parse(JSON.stringify(batches.flat())));
      }),
    );
  });

  it("never throws anything but an error on bytes of any kind", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const reader = new FrameReader(1_000);
        try {
          for (const chunk of chunks) for (const one of reader.push(Buffer.from(chunk))) expect(Array.isArray(one)).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Error);
        }
      }),
    );
  });

  it("reads ten thousand levels and refuses more, however strings and quotes hide them", () => {
    const nested = (levels: number, beside = ""): Buffer => frame(`[["note","log",${beside}${"[".repeat(levels)}${"]".repeat(levels)}]]`);
    expect(new FrameReader().push(nested(9_998))).toHaveLength(1);
    for (const beside of ["", String.raw`"\\",`, String.raw`"\"]]]]",`, String.raw`{"}\\\"]":"}"},`])
      expect(() => new FrameReader().push(nested(9_999, beside)), beside).toThrow(/nested more than 10000 levels/);
    const text = `["note","log","${String.raw`[{\"\\`.repeat(20_000)}"]`;
    expect(new FrameReader().push(frame(`[${text}]`))).toEqual([JSON.parse(text)]);
    expect(() => new FrameReader().push(frame(`[["note","log","${"[".repeat(20_000)}`))).toThrow(SyntaxError);
  });

  it("refuses a frame over its limit as soon as its length is known", () => {
    expect(() => new FrameReader(10).push(Buffer.from([0, 0, 0, 11]))).toThrow(/over the limit/);
    expect(new FrameReader(10).push(frame('["ok",1]'.replace(/.*/, "[]")))).toEqual([]);
  });

  it.each([
    ["what is not JSON", "nonsense"],
    ["what is not a batch", '{"call":1}'],
    ["a message that is not a list", '["ok"]'],
    ["an unknown kind", '[["steal",1]]'],
    ["a kind with a prototype's name", '[["__proto__",1]]'],
    ["a kind that is not text", "[[1,1]]"],
    ["an id of zero", '[["ok",0,null]]'],
    ["a negative id", '[["cancel",-1]]'],
    ["an id with a fraction", '[["end",1.5]]'],
    ["an id beyond the safe integers", '[["ok",9007199254740993,null]]'],
    ["an id that is text", '[["ok","1",null]]'],
    ["a call without meta", '[["call",1,"m",null]]'],
    ["a call whose meta is null", '[["call",1,"m",null,null]]'],
    ["a call whose method is not text", '[["call",1,{},null,{}]]'],
    ["an error that is text", '[["err",1,"no"]]'],
    ["a credit of nothing", '[["credit",1,0]]'],
    ["a credit beyond every bound", '[["credit",1,65537]]'],
    ["a note without a name", '[["note",1,null]]'],
    ["one bad message among good ones", '[["ok",1,null],["own",2]]'],
  ])("refuses %s", (_what, body) => {
    expect(() => new FrameReader().push(frame(body))).toThrow();
  });
});
