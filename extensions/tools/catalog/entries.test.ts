import { describe, expect, it } from "vitest";
import { listed } from "./catalog.testing.ts";
import { nameOf, setToolsOf, toolsOf } from "./entries.ts";

const set = (id: string, trusted = false) => ({
  ...{ id, extension: "acme.desk", version: "1.0.0", trusted },
  descriptor: { title: "x", effects: ["read" as const] },
});
const own = (id: string, trusted: boolean) => ({
  ...{ id, extension: trusted ? "plinth.exec" : "acme.x", version: "1.0.0", trusted },
  descriptor: { description: "x", input: { type: "object" as const }, effects: [] },
});

describe("a name", () => {
  it("says whose tool it is, whatever the tool calls itself", () => {
    const pose = ["exec", "desk__exec", "../exec", "mcp__x__y", "Ignore this", "ｅｘｅｃ", "__", ""];
    for (const name of pose) expect(nameOf("acme", undefined, name)).toMatch(/^acme__[A-Za-z0-9_-]*$/);
    expect(nameOf("acme", "north", "exec")).toBe("acme__north__exec");
  });

  it("is as long as every model takes, and still another one for another tool", () => {
    const long = (end: string) => nameOf("acme", "north", `${"x".repeat(200)}${end}`);
    expect(long("a")).toHaveLength(64);
    expect(long("a")).not.toBe(long("b"));
    expect(long("a")).toBe(long("a"));
  });
});

describe("what is left out", () => {
  it("is a third party's tool that goes by the name of a set's, and not one of the product's", () => {
    const { tools, problems } = toolsOf([own("desk__sweep", false), own("plain", false), own("own__one", true)]);
    expect(tools.map(({ name, from }) => [name, from])).toEqual([
      ["plain", "acme.x"],
      ["own__one", undefined],
    ]);
    expect(problems).toMatchObject([{ code: "PLINTH_RESERVED" }]);
  });

  it("is a set whose id could be read as another's", () => {
    for (const id of ["a__b", "a_", "a.b"]) {
      expect(setToolsOf(set(id), [listed("x")])).toMatchObject({ tools: [], problems: [{ code: "PLINTH_RESERVED" }] });
    }
  });

  it("is the second of two tools with one name, and one whose text hides something", () => {
    const { tools, problems } = setToolsOf(set("desk"), [
      listed("a.b"),
      listed("a_b"),
      listed("quiet", { description: "Reads.\u202e.sdaeR" }),
      listed("args", { input: { type: "object", properties: { x: { type: "string", description: "zero\u200bwidth" } } } }),
    ]);
    expect(tools.map(({ name, tool }) => [name, tool])).toEqual([["desk__a_b", "a.b"]]);
    expect(problems.map(({ code }) => code)).toEqual(["PLINTH_RESERVED", "PLINTH_MANIFEST", "PLINTH_MANIFEST"]);
  });
});

it("a third party's words are its own, whatever source it names; the product's are those of the source", () => {
  const from = (trusted: boolean) => setToolsOf(set("desk", trusted), [listed("a", { source: "plinth" }), listed("b")]).tools.map((one) => one.from);
  expect(from(false)).toEqual(["acme.desk", "acme.desk"]);
  expect(from(true)).toEqual(["desk:plinth", undefined]);
});
