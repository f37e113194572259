import { expect, it } from "vitest";
import { CallMeter } from "./call-meter.ts";

const OVER = "a call used more than 100 ms of processor time";

it("CPU time is shared among the calls in flight", () => {
  const meter = new CallMeter(100);
  const first = meter.enter("call");
  meter.enter("call");
  expect(meter.charge(180, 200)).toBeNull();
  expect(meter.charge(40, 50)).toBe(OVER);
  first.leave();
  expect(meter.inFlight).toBe(1);
});

it("a call does not pay for what was used before it came", () => {
  const meter = new CallMeter(100);
  const first = meter.enter("call");
  expect(meter.charge(90, 100)).toBeNull();
  meter.enter("call");
  first.leave();
  expect(meter.charge(90, 100)).toBeNull();
  expect(meter.charge(20, 50)).toBe(OVER);
});

it("a stream begins again with each item, and has a small share as long as it is open", () => {
  const meter = new CallMeter(100);
  const stream = meter.enter("stream");
  for (let item = 0; item < 5; item++) {
    expect(meter.charge(90, 100)).toBeNull();
    stream.again();
  }
  for (let hour = 0; hour < 100; hour++) expect(meter.charge(19, 100)).toBeNull();
  expect(meter.charge(150, 150)).toBe(OVER);
});

it("between calls there is a small share, and more only for a moment", () => {
  const meter = new CallMeter(100);
  expect(meter.charge(4_000, 4_000)).toBeNull();
  for (let turn = 0; turn < 100; turn++) expect(meter.charge(10, 50)).toBeNull();
  let over: string | null = null;
  for (let turn = 0; turn < 500 && over === null; turn++) over = meter.charge(50, 50);
  expect(over).toContain("between calls");
});
