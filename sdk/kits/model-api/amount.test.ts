import { expect, it } from "vitest";
import { isAmount } from "./index.ts";

it("an amount is a number that a server can mean", () => {
  expect([0, 0.5, 2 ** 60].filter(isAmount)).toEqual([0, 0.5, 2 ** 60]);
  expect([JSON.parse("1e999"), -1, Number.NaN, "1", null, undefined, [1], {}].filter(isAmount)).toEqual([]);
});
