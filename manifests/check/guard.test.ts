import { afterEach, describe, expect, it } from "vitest";
import { SchemaGuard } from "./guard.ts";

let guard = new SchemaGuard();
afterEach(async () => {
  await guard.close();
  guard = new SchemaGuard();
});
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code: string }) => thrown.code,
  );
const slow = { type: "object", properties: { text: { type: "string", pattern: "^(a+)+$" } } };
const bait = { text: `${"a".repeat(40)}!` };
const plain = { type: "object", properties: { n: { type: "integer", maximum: 3 } }, required: ["n"] };

describe("a schema of unknown origin", () => {
  it("says what does not fit, and where", async () => {
    expect(await guard.validate(plain, { n: 1 })).toEqual([]);
    expect(await guard.validate(plain, { n: 4 })).toEqual([{ path: "/n", message: "must be <= 3" }]);
    expect(await guard.validate(plain, {})).toHaveLength(1);
    expect(await guard.validate(undefined, { any: 1 })).toEqual([]);
    expect(await guard.validate(false, 1)).toHaveLength(1);
  });

  const deep = Array.from({ length: 40 }).reduce<object>((inner) => ({ not: inner }), {});
  const endless: Record<string, unknown> = {};
  endless.not = endless;
  it.each([
    ["a dynamic reference", { $dynamicRef: "#a" }],
    ["a dynamic anchor, deep inside", { properties: { a: { items: { $dynamicAnchor: "a" } } } }],
    ["a recursive reference", { $recursiveRef: "#" }],
    ["a remote reference", { $ref: "https://example.com/schema.json" }],
    ["a reference to a file", { $ref: "file:///etc/passwd" }],
    ["a reference that is not text", { $ref: {} }],
    ["a reference to nothing", { $ref: "#/$defs/gone" }],
    ["too much depth", deep],
    ["itself inside", endless],
    ["too much text", { description: "x".repeat(300_000) }],
    ["a type that does not exist", { type: "nonsense" }],
    ["a pattern that is not one", { type: "string", pattern: "(" }],
  ])("with %s is refused, and the next one is checked", async (_what, schema) => {
    expect(await codeOf(guard.validate(schema, "x"))).toBe("PLINTH_SCHEMA");
    expect(await guard.validate(plain, { n: 2 })).toEqual([]);
  });

  it("a value that is too large does not fit", async () => {
    expect(await guard.validate({}, "x".repeat(5 * 1_048_576))).toEqual([{ path: "", message: "is larger than 4 MiB" }]);
  });

  it("a pattern that backtracks for ever ends within its deadline, and the others that wait are checked all the same", async () => {
    await guard.validate(plain, { n: 1 });
    const hostile = codeOf(guard.validate(slow, bait));
    const others = Array.from({ length: 20 }, (_, n) => guard.validate(plain, { n }));
    expect(await hostile).toBe("PLINTH_SCHEMA");
    expect((await Promise.all(others)).map((one) => one.length)).toEqual([0, 0, 0, 0, ...Array(16).fill(1)]);
  });

  it("two of them end one after the other, each with its own error", async () => {
    const codes = await Promise.all([
      codeOf(guard.validate(slow, bait)),
      codeOf(guard.validate({ ...slow, title: "second" }, bait)),
      codeOf(guard.validate(plain, { n: 1 })),
    ]);
    expect(codes).toEqual(["PLINTH_SCHEMA", "PLINTH_SCHEMA", "none"]);
  });

  it("references to itself are followed, also where they recurse", async () => {
    const list = {
      $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, n: { type: "integer" } } } },
      $ref: "#/$defs/node",
    };
    expect(await guard.validate(list, { next: { next: { n: 1 } } })).toEqual([]);
    expect(await guard.validate(list, { next: { next: { n: "1" } } })).toHaveLength(1);
  });

  it("properties with a prototype's name neither pollute nor pass", async () => {
    const value = JSON.parse('{"__proto__": {"n": 1}, "constructor": {"prototype": {"polluted": true}}}');
    expect(await guard.validate(plain, value)).toHaveLength(1);
    const closed = { type: "object", properties: JSON.parse('{"__proto__": {"type": "string"}}'), additionalProperties: false };
    expect(await guard.validate(closed, JSON.parse('{"__proto__": 5}'))).toHaveLength(1);
    expect(({} as any).polluted).toBeUndefined();
  });

  it("of one identity may come in two shapes: they do not meet", async () => {
    expect(await guard.validate({ $id: "same", type: "string" }, "x")).toEqual([]);
    expect(await guard.validate({ $id: "same", type: "number" }, "x")).toHaveLength(1);
  });

  it("when the checker is stopped, what waits is told", async () => {
    await guard.validate(plain, { n: 1 });
    const waiting = codeOf(guard.validate(slow, bait));
    await new Promise((resolve) => setImmediate(resolve));
    await guard.close();
    expect(await waiting).toBe("PLINTH_SCHEMA");
  });
});

describe("owners", () => {
  it("take turns: one with many checks keeps another waiting for one of them only", async () => {
    await guard.validate(plain, { n: 1 });
    const order: string[] = [];
    const greedy = Array.from({ length: 50 }, () => guard.validate(plain, { n: 1 }, "acme.greedy").then(() => order.push("greedy")));
    const modest = guard.validate(plain, { n: 1 }, "acme.modest").then(() => order.push("modest"));
    await Promise.all([...greedy, modest]);
    expect(order.indexOf("modest")).toBeLessThanOrEqual(2);
  });

  it("have a bounded number of checks that wait", async () => {
    await guard.validate(plain, { n: 1 });
    const codes = await Promise.all(Array.from({ length: 200 }, () => codeOf(guard.validate(plain, { n: 1 }, "acme.greedy"))));
    expect(new Set(codes)).toEqual(new Set(["none", "PLINTH_QUOTA"]));
    expect(await guard.validate(plain, { n: 1 }, "acme.greedy")).toEqual([]);
  });

  it("wait for a schema that hangs once, not for each of its checks", async () => {
    const hostile = Array.from({ length: 30 }, () => codeOf(guard.validate(slow, bait, "acme.evil")));
    const other = guard.validate(plain, { n: 1 }, "acme.good");
    expect(new Set(await Promise.all(hostile))).toEqual(new Set(["PLINTH_SCHEMA"]));
    expect(await other).toEqual([]);
    expect(await codeOf(guard.validate(slow, { text: "a" }, "acme.good"))).toBe("PLINTH_SCHEMA");
  });

  it("that bring one that hangs are checked nothing more for a while, others are", async () => {
    const another = { ...slow, title: "another" };
    const codes = [slow, another, another, another].map((schema) => codeOf(guard.validate(schema, bait, "acme.evil")));
    expect(await Promise.all(codes)).toEqual(Array(4).fill("PLINTH_SCHEMA"));
    expect(await codeOf(guard.validate(plain, { n: 1 }, "acme.evil"))).toBe("PLINTH_QUOTA");
    expect(await guard.validate(plain, { n: 1 }, "acme.good")).toEqual([]);
  });
});
