import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DIALECTS, type Dialect, dialectOf } from "./dialects.ts";
import { schemaFor } from "./schema-for.ts";

const names = Object.keys(DIALECTS) as (keyof typeof DIALECTS)[];
const dialect = (name: keyof typeof DIALECTS): Dialect => DIALECTS[name];

/** The strictest reading of the pages, written without the code that is tested. */
function complaints(name: string, schema: any, path = ""): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const said: string[] = [];
  const is = (when: unknown, what: string) => void (when && said.push(`${path}: ${what}`));
  if (path === "") {
    is(schema.type !== "object" || typeof schema.properties !== "object", "the root is no object with properties");
    is(schema.anyOf ?? schema.oneOf ?? schema.allOf, "combined at the root");
    if (name !== "anthropic") is(schema.not ?? schema.enum ?? schema.const ?? schema.if, "more at the root");
  }
  const types = [schema.type].flat();
  if (["openai", "gemini", "volcengine"].includes(name)) {
    is(types.includes("object") && schema.properties === undefined, "object without properties");
    is(types.includes("array") && schema.items === undefined, "array without items");
  }
  if (name === "volcengine")
    is(
      Object.keys(schema).some((key) => /^(min|max)(Length|Items|Contains)$/.test(key)),
      "a bound",
    );
  if (name === "gemini") {
    is(
      Object.keys(schema).some((key) => /^(\$|oneOf|allOf|not|const|additional|pattern.+|prefix|if|then|else|contains)/.test(key)),
      "a keyword",
    );
    is(types.length > 1 || types[0] === "null", "type is a list");
    is(schema.type === undefined && schema.anyOf === undefined, "no type");
    is(schema.format !== undefined && !["enum", "date-time"].includes(schema.format), "a format");
    is(
      schema.enum?.some((value: unknown) => typeof value !== "string"),
      "enum of no text",
    );
  }
  for (const [key, child] of Object.entries(schema.properties ?? {})) said.push(...complaints(name, child, `${path}/${key}`));
  for (const child of [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])])
    said.push(...complaints(name, child, `${path}/+`));
  return said;
}

const key = fc.constantFrom("a", "b", "c");
const leaf = fc.oneof(
  fc.record({ type: fc.constantFrom("string", "integer", "number", "boolean", "null") }),
  fc.record({ type: fc.constant(["string", "null"]) }),
  fc.record({ type: fc.constant(["integer", "string", "array"]) }),
  fc.record({ enum: fc.uniqueArray(fc.constantFrom("x", "y", 1, null), { minLength: 1 }) }),
  fc.record({ const: fc.constantFrom("x", 1, null) }),
  fc.record(
    { type: fc.constant("string"), minLength: fc.constantFrom(1, 2), format: fc.constantFrom("uri", "date-time") },
    { requiredKeys: ["type"] },
  ),
  fc.constantFrom<any>({ type: "array" }, { type: "object" }, {}, true, { $ref: "#/$defs/P" }, { $ref: "#/$defs/R" }, { not: { type: "string" } }),
);
const { node, object } = fc.letrec<{ node: any; object: any }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    tie("object"),
    fc.record({ type: fc.constant("array"), items: tie("node"), maxItems: fc.constant(2) }, { requiredKeys: ["type"] }),
    fc.record(
      { type: fc.constant("array"), prefixItems: fc.array(tie("node"), { minLength: 1, maxLength: 2 }), items: tie("node") },
      { requiredKeys: ["type", "prefixItems"] },
    ),
    fc.record({ anyOf: fc.array(tie("node"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ oneOf: fc.array(tie("node"), { minLength: 1, maxLength: 2 }) }),
    fc.record({ allOf: fc.array(tie("node"), { minLength: 1, maxLength: 2 }) }),
  ),
  object: fc.record(
    {
      type: fc.constant("object"),
      properties: fc.dictionary(key, tie("node"), { maxKeys: 3 }),
      required: fc.uniqueArray(key, { maxLength: 1 }),
      additionalProperties: fc.constant(false),
      patternProperties: fc.dictionary(fc.constantFrom("^a", "b"), tie("node"), { maxKeys: 1 }),
    },
    { requiredKeys: [] },
  ),
}));
const branches = fc.array(fc.oneof(node, fc.record({ required: fc.uniqueArray(key, { minLength: 1, maxLength: 2 }) })), {
  minLength: 1,
  maxLength: 3,
});
const combined = fc.oneof(
  fc.constant({}),
  fc.record({ anyOf: branches }),
  fc.record({ oneOf: branches }),
  fc.record({ allOf: branches }),
  fc.record({ not: leaf }),
  fc.record({ anyOf: branches, allOf: branches }),
);
const root = fc.tuple(object, combined).map(([one, more]) => ({
  ...{ ...one, ...more },
  $defs: { P: { type: "string" }, R: { type: "object", properties: { a: { $ref: "#/$defs/R" } } } },
}));

const value = fc.letrec<{ value: any }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<any>("x", "y", "", 1, 2.5, true, null, []),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(key, tie("value"), { maxKeys: 2 }),
  ),
})).value;
const input = fc.dictionary(key, value, { maxKeys: 3 });

/** OpenAPI's `nullable` in the words of JSON Schema. */
function plain(schema: any): any {
  if (Array.isArray(schema)) return schema.map(plain);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, ...rest } = Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, plain(one)]));
  return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });

/** This validator fails by itself on a few schemas with patterns inside of alternatives; these say nothing then. */
function accepts(validate: (one: unknown) => unknown, one: unknown): boolean {
  try {
    return validate(one) === true;
  } catch {
    return false;
  }
}

describe.each(names)("a schema for %s", (name) => {
  it("is one that it takes, the same when it is made again, and takes what the given one takes", () => {
    let accepted = 0;
    fc.assert(
      fc.property(root, fc.array(input, { minLength: 20, maxLength: 20 }), (given, inputs) => {
        const { schema, notes } = schemaFor(dialect(name), given);
        expect(complaints(name, schema)).toEqual([]);
        expect(schemaFor(dialect(name), schema).schema).toEqual(schema);
        if (notes.some(({ narrower }) => narrower)) return;
        const [before, after] = [ajv.compile(given), ajv.compile(plain(schema))];
        for (const one of inputs) {
          if (!accepts(before, one)) continue;
          accepted++;
          expect(after(one), JSON.stringify({ given, schema, one })).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it("changes nothing, and notes nothing, where nothing is to be changed", () => {
    const given = {
      type: "object",
      properties: { city: { type: "string", description: "Where." }, days: { type: "array", items: { type: "integer" } } },
    };
    expect(schemaFor(dialect(name), given)).toEqual({ schema: given, notes: [] });
  });
});

describe("schemas as authors write them", () => {
  const either = { type: "object", properties: { a: { type: "string" }, b: { type: "string" } }, anyOf: [{ required: ["a"] }, { required: ["b"] }] };

  it("keep their properties where they may not be combined at the root", () => {
    const { schema, notes } = schemaFor(DIALECTS.openai, either);
    expect(schema).toEqual({ type: "object", properties: either.properties });
    expect(notes).toEqual([{ path: "", what: "`anyOf` may not stand at the root, and was put into one schema." }]);
  });

  it("get what was left out", () => {
    expect(schemaFor(DIALECTS.openai, { type: "object" }).schema).toEqual({ type: "object", properties: {} });
    expect(schemaFor(DIALECTS.openai, { type: "object", properties: { xs: { type: "array" } } }).schema.properties.xs).toEqual({
      type: "array",
      items: {},
    });
  });

  it("join closed alternatives, and say any of them of a property that all have", () => {
    const closed = (kind: string, more: object) => ({
      type: "object",
      additionalProperties: false,
      required: ["kind"],
      properties: { kind: { const: kind }, ...more },
    });
    const { schema } = schemaFor(DIALECTS.openai, {
      oneOf: [closed("file", { path: { type: "string" } }), closed("url", { url: { type: "string" } })],
    });
    expect(schema).toEqual({
      type: "object",
      required: ["kind"],
      properties: { kind: { anyOf: [{ const: "file" }, { const: "url" }] }, path: { type: "string" }, url: { type: "string" } },
    });
  });

  it("say null by a word, and what is referred to in its place, for Google's selection", () => {
    const given = {
      type: "object",
      properties: { p: { $ref: "#/$defs/P" }, v: { type: ["string", "null"] }, u: { type: "string", format: "uri" } },
      $defs: { P: { type: "integer" } },
    };
    const { schema, notes } = schemaFor(DIALECTS.gemini, given);
    expect(schema).toEqual({ type: "object", properties: { p: { type: "integer" }, v: { type: "string", nullable: true }, u: { type: "string" } } });
    expect(notes).toEqual([{ path: "/properties/u", what: "It does not take `format`." }]);
  });

  it("are written in the words of their API, or of the server that takes less", () => {
    expect(dialectOf("openai-responses")).toBe(DIALECTS.openai);
    expect(dialectOf("openai-chat", "volcengine")).toBe(DIALECTS.volcengine);
    expect(dialectOf("openai-chat", "toString")).toBe(DIALECTS.openai);
    expect(dialectOf("ollama")).toBeUndefined();
  });

  it("end where they refer to themselves, and tell that something is lost", () => {
    const given = { type: "object", properties: { next: { $ref: "#" } } };
    const { notes } = schemaFor(DIALECTS.gemini, given);
    expect(notes.some(({ what }) => what.includes("round"))).toBe(true);
  });
});
