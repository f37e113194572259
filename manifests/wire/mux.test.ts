import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeMux, MuxReader } from "./mux.ts";

const tenant = fc.integer({ min: 0, max: 5 });
/** Also what looks like a frame of somebody else. */
const body = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.toWellFormed()),
  fc.tuple(tenant, fc.string({ maxLength: 10 })).map(([of, text]) => encodeMux(of, text).toString("latin1")),
);

it("each frame reaches the tenant that it was made for, whole and in order, whatever is in it and wherever the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tenant, body), { maxLength: 20 }), fc.integer({ min: 1, max: 200 }), (frames, cut) => {
      const read: [number, string][] = [];
      const reader = new MuxReader((number, text) => read.push([number, text]));
      const bytes = Buffer.concat(frames.map(([number, text]) => encodeMux(number, text)));
      for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut));
      expect(read).toEqual(frames);
    }),
  );
});

it("a frame over the limit ends the connection before any of it is kept", () => {
  const reader = new MuxReader(() => {});
  expect(() => reader.push(Buffer.from([0, 0, 0, 1, 255, 255, 255, 255]))).toThrow(/over the limit/);
});

it("a frame that comes in crumbs takes about its own bytes", () => {
  let read = "";
  const reader = new MuxReader((_number, text) => (read = text));
  const bytes = encodeMux(1, "x".repeat(20_000));
  for (const byte of bytes) reader.push(Buffer.from([byte]));
  expect(read).toHaveLength(20_000);
});
