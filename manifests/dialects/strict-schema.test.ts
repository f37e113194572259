import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DIALECTS, dialectOf } from "./dialects.ts";
import { schemaFor } from "./schema-for.ts";
import { strictSchema, withoutStandIns } from "./strict-schema.ts";

const strictOf = (schema: object) => strictSchema(schemaFor(DIALECTS["openai-strict"], schema as never).schema);

describe("a schema in OpenAI's strict mode", () => {
  it("is closed, with all required; what may be absent takes null", () => {
    expect(
      strictOf({
        type: "object",
        properties: {
          city: { type: "string", minLength: 1 },
          unit: { enum: ["c", "f"], type: "string" },
          days: { type: "integer", maximum: 7 },
          where: { $ref: "#/$defs/P" },
          either: { anyOf: [{ type: "string" }, { type: "number" }] },
          list: { type: "array", items: { type: "object", properties: { a: { type: "string" } } } },
        },
        required: ["city"],
        $defs: { P: { type: "object", properties: { x: { type: "number" } }, required: ["x"] } },
      }),
    ).toEqual({
      type: "object",
      properties: {
        city: { type: "string" },
        unit: { enum: ["c", "f", null], type: ["string", "null"] },
        days: { type: ["integer", "null"], maximum: 7 },
        where: { anyOf: [{ $ref: "#/$defs/P" }, { type: "null" }] },
        either: { anyOf: [{ type: "string" }, { type: "number" }, { type: "null" }] },
        list: {
          type: ["array", "null"],
          items: { type: "object", properties: { a: { type: ["string", "null"] } }, required: ["a"], additionalProperties: false },
        },
      },
      required: ["city", "unit", "days", "where", "either", "list"],
      additionalProperties: false,
      $defs: { P: { type: "object", properties: { x: { type: "number" } }, required: ["x"], additionalProperties: false } },
    });
  });

  it.each([
    ["names that are not known", { properties: { env: { type: "object", additionalProperties: { type: "string" } } } }],
    ["an object of anything", { properties: { data: { type: "object" } } }],
    ["anything", { properties: { data: {} } }],
    ["all of several", { properties: { a: { allOf: [{ type: "string" }, { pattern: "x" }] } } }],
    ["what is not there", { properties: {}, required: ["a"] }],
  ])("cannot say %s", (_what, schema) => expect(strictOf({ type: "object", ...schema })).toBeUndefined());

  it("of no arguments has none", () => {
    expect(strictOf({ type: "object" })).toEqual({ type: "object", properties: {}, required: [], additionalProperties: false });
  });
});

describe("the arguments of a call", () => {
  const schema = {
    type: "object",
    properties: {
      a: { type: "string" },
      b: { type: ["string", "null"] },
      c: { type: "object", properties: { d: { type: "integer" }, e: { type: "string" } }, required: ["e"] },
      f: { type: "array", items: { $ref: "#/$defs/F" } },
      g: { anyOf: [{ type: "string" }, { type: "object", properties: { h: { type: "string" } } }] },
      i: { const: 1 },
    },
    required: ["a"],
    $defs: { F: { type: "object", properties: { j: { type: "boolean" } } } },
  };

  it("lose the nulls that stand for what is absent, and no other", () => {
    expect(
      withoutStandIns(schema, { a: null, b: null, c: { d: null, e: "x" }, f: [{ j: null }, { j: true }], g: { h: null }, i: null, k: null }),
    ).toEqual({
      a: null,
      b: null,
      c: { e: "x" },
      f: [{}, { j: true }],
      g: {},
      k: null,
    });
  });

  it("that fit the strict schema fit the tool's own, once these are gone", () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
    const key = fc.constantFrom("a", "b", "c");
    const leaf = fc.constantFrom<any>({ type: "string" }, { type: "integer" }, { type: ["string", "null"] }, { enum: ["x", "y"] }, { const: "x" });
    const object = (inner: fc.Arbitrary<any>) =>
      fc
        .tuple(fc.dictionary(key, inner, { minKeys: 1, maxKeys: 3 }), fc.uniqueArray(key, { maxLength: 2 }))
        .map(([properties, required]) => ({ type: "object", properties, required: required.filter((name) => name in properties) }));
    const node = fc.oneof(
      leaf,
      object(leaf),
      fc.record({ type: fc.constant("array"), items: leaf }),
      fc.record({ anyOf: fc.array(leaf, { minLength: 1 }) }),
    );
    const value: fc.Arbitrary<any> = fc.constantFrom("x", "y", "z", 1, null);
    const values = fc.oneof({ weight: 4, arbitrary: value }, fc.array(value, { maxLength: 2 }), fc.dictionary(key, value, { maxKeys: 3 }));
    let fitted = 0;
    fc.assert(
      fc.property(object(node), fc.dictionary(key, values, { maxKeys: 3 }), (schema, given) => {
        const strict = strictOf(schema);
        if (strict === undefined) return;
        const args = { ...Object.fromEntries(Object.keys(schema.properties).map((name) => [name, null])), ...given };
        if (!ajv.compile(strict)(args)) return;
        fitted++;
        const own = ajv.compile({ ...schema, additionalProperties: false });
        expect(own(withoutStandIns(schema, args)), JSON.stringify({ schema, args, errors: own.errors })).toBe(true);
      }),
      { numRuns: 1_500, seed: 7 },
    );
    expect(fitted).toBeGreaterThan(100);
  });
});

it("a dialect may be one model's", () => {
  const by = { "gpt-5*": "openai-strict", "gpt-4o": "openai" };
  expect(dialectOf("openai-chat", by, "gpt-5.4-mini")).toBe(DIALECTS["openai-strict"]);
  expect(dialectOf("openai-chat", by, "gpt-4o")).toBe(DIALECTS.openai);
  expect(dialectOf("openai-chat", by, "other")).toBe(DIALECTS.openai);
  expect(dialectOf("openai-chat", "openai-strict")?.strict).toBe(true);
});
