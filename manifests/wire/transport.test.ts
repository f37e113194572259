import { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { encodeFrame } from "./frames.ts";
import { StreamTransport } from "./transport.ts";

const FRAME = encodeFrame(['["end",1]']);

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

function connection(): { receive(bytes: Buffer): Promise<void>; broken: string[]; got: unknown[] } {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const broken: string[] = [];
  const got: unknown[] = [];
  new StreamTransport(stream).listen({ messages: (batch) => void got.push(...batch), broke: (why) => void broken.push(why), ended() {} });
  const receive = async (bytes: Buffer): Promise<void> => {
    stream.push(bytes);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { receive, broken, got };
}

it("ends a connection whose frame never becomes complete, however many bytes still trickle in", async () => {
  const { receive, broken } = connection();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(1_000);
  await receive(head);
  for (let second = 0; second < 40 && broken.length === 0; second++) {
    await receive(Buffer.from(" "));
    vi.advanceTimersByTime(1_000);
  }
  expect(broken[0]).toContain("not complete");
});

it("waits as long as it takes for the next frame", async () => {
  const { receive, broken, got } = connection();
  await receive(FRAME.subarray(0, 5));
  vi.advanceTimersByTime(20_000);
  await receive(FRAME.subarray(5));
  vi.advanceTimersByTime(100_000);
  await receive(FRAME);
  expect(broken).toEqual([]);
  expect(got).toEqual([
    ["end", 1],
    ["end", 1],
  ]);
});

it("counts each frame on its own, also when one begins in the bytes that end another", async () => {
  const { receive, broken, got } = connection();
  const both = Buffer.concat([FRAME, FRAME]);
  await receive(both.subarray(0, 6));
  for (let n = 0; n < 4; n++) {
    vi.advanceTimersByTime(20_000);
    await receive(Buffer.concat([both.subarray(6), both.subarray(0, 6)]));
  }
  expect(broken).toEqual([]);
  expect(got.length).toBe(8);
});
