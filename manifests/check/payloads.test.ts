import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";
import { productContracts } from "../plan/contracts.ts";
import { checkHookPayload, checkPayload } from "./payloads.ts";

const folder = join(import.meta.dirname, "generated");
/** Modules of validators that this process has loaded, without their ending. */
const loaded = (): string[] =>
  Object.keys(createRequire(import.meta.url).cache)
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length + 1, -".cjs".length))
    .sort();
const contract = (id: string) => productContracts.get(id)!;

it("a contract's validators are loaded when its first payload is checked, and with them only what they share with others", () => {
  expect(loaded()).toEqual([]);
  expect(checkPayload("acme.calm", contract("plinth.service"), "start", "out", { detail: {} })).toBeNull();
  expect(loaded()).toEqual(["plinth.service"]);
  expect(checkPayload("acme.calm", contract("plinth.service"), "start", "out", { detail: 7 })).toMatchObject({
    code: "PLINTH_PAYLOAD",
    extension: "acme.calm",
    message: expect.stringContaining("/detail"),
  });
  expect(checkPayload("acme.calm", contract("plinth.tool"), "call", "in", 5)).not.toBeNull();
  expect(loaded()).toEqual(["plinth.service", "plinth.tool", "shapes"]);
});

it("every payload of every contract and hook of the product can be checked", () => {
  for (const one of productContracts.values()) {
    const problems = [
      ...Object.keys(one.methods).flatMap((method) => [
        checkPayload("x.y", one, method, "in", Symbol("none")),
        checkPayload("x.y", one, method, "out", Symbol("none")),
      ]),
      ...Object.keys(one.hooks).map((hook) => checkHookPayload("x.y", hook, Symbol("none"))),
    ];
    for (const problem of problems) expect(problem?.message ?? "").not.toContain("cannot be checked");
  }
  expect(checkHookPayload("x.y", "turn.prepare", Symbol("none"))).toMatchObject({ code: "PLINTH_PAYLOAD" });
});

it("what cannot be checked is refused", () => {
  const value = { detail: {} };
  const gone = { id: "plinth.gone", key: "plinth.gone", checked: true };
  expect(checkPayload("acme.calm", gone, "start", "in", value)).toMatchObject({ code: "PLINTH_PAYLOAD", extension: "acme.calm" });
  expect(checkPayload("acme.calm", contract("plinth.service"), "toString", "in", value)).toMatchObject({ code: "PLINTH_PAYLOAD" });
  // The guard has those, by the schemas that they come with.
  expect(checkPayload("acme.calm", { ...gone, checked: false }, "start", "in", value)).toBeNull();
});

it("what several contracts hold is there once", () => {
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  expect(sizes.length).toBe(productContracts.size + 1);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(2_800_000);
});
