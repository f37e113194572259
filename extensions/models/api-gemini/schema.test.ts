import { describe, expect, it } from "vitest";
import { openapiSchema } from "./schema.ts";

describe("a schema in Google's own dialect", () => {
  it("has its types in capitals, its constants as a list and its null as nullable", () => {
    expect(
      openapiSchema({
        type: "object",
        additionalProperties: false,
        $schema: "https://json-schema.org/draft/2020-12/schema",
        properties: {
          kind: { const: "a" },
          size: { type: "integer", minimum: 1, exclusiveMaximum: 9, format: "int64" },
          at: { type: "string", format: "uri" },
          list: { type: "array" },
          level: { type: "integer", enum: [1, 2] },
          either: { anyOf: [{ type: "string" }, { type: "null" }] },
          mixed: { type: ["string", "number"] },
        },
        required: ["kind", "gone"],
      }),
    ).toEqual({
      type: "OBJECT",
      properties: {
        kind: { type: "STRING", enum: ["a"] },
        size: { type: "INTEGER", minimum: 1, format: "int64" },
        at: { type: "STRING" },
        list: { type: "ARRAY", items: { type: "STRING" } },
        level: { type: "INTEGER" },
        either: { type: "STRING", nullable: true },
        mixed: { anyOf: [{ type: "STRING" }, { type: "NUMBER" }] },
      },
      required: ["kind"],
    });
  });

  it("has its references in their place, and what refers to itself ends", () => {
    const tree = { type: "object", properties: { next: { $ref: "#/$defs/tree" }, name: { $ref: "#/$defs/a~1b" } } };
    const made = openapiSchema({ $ref: "#/$defs/tree", $defs: { tree, "a/b": { type: "string", description: "A name." } } });
    expect(made).toEqual({ type: "OBJECT", properties: { next: {}, name: { type: "STRING", description: "A name." } } });
    const wide = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`p${at}`, { $ref: `#/$defs/d${at}` }]));
    const defs = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`d${at}`, { type: "object", properties: wide }]));
    expect(JSON.stringify(openapiSchema({ type: "object", properties: wide, $defs: defs })).length).toBeLessThan(200_000);
  });

  it("joins what has to hold together, and takes what is no schema as any value", () => {
    const one = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
    const other = { properties: { b: { type: "number" } }, required: ["b"] };
    expect(openapiSchema({ allOf: [one, other] })).toEqual({
      type: "OBJECT",
      properties: { a: { type: "STRING" }, b: { type: "NUMBER" } },
      required: ["a", "b"],
    });
    expect(openapiSchema({ type: "object", properties: { a: true as never, b: { $ref: "https://elsewhere.example" } } })).toEqual({
      type: "OBJECT",
      properties: { a: {}, b: {} },
    });
  });
});
