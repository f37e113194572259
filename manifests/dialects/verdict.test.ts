import { describe, expect, it } from "vitest";
import { DIALECTS } from "./dialects.ts";
import { FAMILIES, verdictsOf } from "./verdict.ts";

const of = (input: object, name = "look") => Object.fromEntries(verdictsOf({ name, input: input as never }).map((one) => [one.dialect, one]));

describe("what becomes of a tool at each family of vendors", () => {
  it("each dialect has a name for people", () => expect(Object.keys(FAMILIES)).toEqual(Object.keys(DIALECTS)));

  it("a plain one is taken as it is, everywhere", () => {
    const found = of({ type: "object", properties: { city: { type: "string" } }, required: ["city"] });
    expect(Object.values(found).map(({ verdict, notes }) => [verdict, notes])).toEqual(Object.keys(DIALECTS).map(() => ["as-is", []]));
  });

  it("one that says more than a vendor reads is rewritten there, and what is lost is said", () => {
    const found = of({ type: "object", properties: { u: { type: "string", format: "uri" }, v: { type: ["string", "integer"] } } });
    expect(found.anthropic!.verdict).toBe("as-is");
    expect(found.gemini).toMatchObject({
      verdict: "rewritten",
      notes: ["/properties/u: It does not take `format`.", "/properties/v: It takes one type at a time."],
    });
  });

  it("a name is part of it", () => {
    const found = of({ type: "object", properties: {} }, "game.dice");
    expect([found.openai!.verdict, found.gemini!.verdict, found.openai!.notes[0]]).toEqual(["rewritten", "as-is", expect.stringContaining("name")]);
  });

  it.each([
    ["a type that is none", { type: "object", properties: { n: { type: "int" } } }, '/properties/n: "int" is no type.'],
    ["a reference to nothing", { type: "object", properties: { n: { $ref: "#/$defs/N" } } }, "leads nowhere"],
    ["a reference elsewhere", { type: "object", properties: { n: { $ref: "https://acme.example/n.json" } } }, "leads nowhere"],
    ["a pattern that is none", { type: "object", properties: { n: { type: "string", pattern: "(" } } }, "is no pattern"],
    ["no object", { type: "string" }, "Arguments are an object"],
    ["an empty enum", { type: "object", properties: { n: { enum: [] } } }, "at least one value"],
  ])("%s is refused by all", (_what, input, why) => {
    for (const one of Object.values(of(input))) expect(one).toMatchObject({ verdict: "refused", notes: [expect.stringContaining(why)] });
  });

  it("a schema that doubles with each reference ends, and soon", () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `R${at}`,
        { type: "object", properties: { a: { $ref: `#/$defs/R${at + 1}` }, b: { $ref: `#/$defs/R${at + 1}` } } },
      ]),
    );
    const found = of({ type: "object", properties: { a: { $ref: "#/$defs/R0" } }, $defs: { ...$defs, R40: { type: "string" } } });
    expect(found.gemini!.verdict).toBe("rewritten");
    expect(JSON.stringify(found.gemini).length).toBeLessThan(4_000);
  });
});
