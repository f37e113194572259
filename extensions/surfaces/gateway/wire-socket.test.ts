import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { Together } from "./wire-socket.ts";

it("frames of one moment leave in one write; those of the next one, and what is much, do not wait", async () => {
  const writes: number[] = [];
  const socket = new Duplex({
    read() {},
    writev: (chunks, done) => {
      writes.push(chunks.length);
      done();
    },
  });
  const together = new Together(socket);
  const send = (frame: string): void => {
    together.hold();
    socket.write(frame);
  };
  for (const frame of ["one", "two", "three"]) send(frame);
  await Promise.resolve().then(() => send("four"));
  expect(writes).toEqual([]);
  await new Promise(setImmediate);
  expect(writes).toEqual([4]);
  send("x".repeat(100_000));
  send("five");
  expect(writes).toEqual([4, 1]);
  await new Promise(setImmediate);
  expect(writes).toEqual([4, 1, 1]);
});
