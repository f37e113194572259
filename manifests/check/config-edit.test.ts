import fc from "fast-check";
import JSON5 from "json5";
import { describe, expect, it } from "vitest";
import { editJson5 } from "./config-edit.ts";
import { parsePath } from "./config-path.ts";

interface Tree {
  [key: string]: Tree | number | string | number[];
}
const key = fc.constantFrom("a", "b", "c", "acme.x", "with space", "ü");
const leaf = fc.oneof(fc.integer(), fc.constantFrom("text", "// no comment", "/* nor this */", "a, b"), fc.array(fc.integer(), { maxLength: 2 }));
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(key, fc.oneof({ depthSize: "small" }, leaf, tie("tree")), { maxKeys: 4 }) as fc.Arbitrary<Tree>,
}));

let comments = 0;
const comment = (kind: number): string => (kind === 0 ? "" : kind === 1 ? ` /* note ${++comments}, */ ` : ` // note ${++comments}, {}\n`);

/** The tree as JSON5 with comments in every gap, as `style` says. */
function write(value: Tree[string], style: () => number): string {
  if (value === null || typeof value !== "object") return typeof value === "string" && style() === 1 ? `'${value}'` : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  const members = Object.entries(value).map(([name, one]) => {
    const written = /^[a-z]+$/.test(name) && style() === 1 ? name : JSON.stringify(name);
    return `${comment(style())}${written}${comment(style())}:${comment(style())}${write(one, style)}${comment(style())}`;
  });
  return `{${members.join(`,${style() === 1 ? "\n  " : ""}`)}${members.length > 0 && style() === 1 ? `,${comment(style())}` : ""}${comment(style())}}`;
}

const notes = (text: string): string[] => text.match(/note \d+,/g) ?? [];

function set(root: Tree, [first = "", ...rest]: string[], value: unknown): Tree {
  const copy = { ...root };
  if (rest.length === 0) {
    if (value === undefined) delete copy[first];
    else copy[first] = value as number;
    return copy;
  }
  const inner = copy[first];
  const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
  if (value === undefined && !isObject) return copy;
  copy[first] = set(isObject ? (inner as Tree) : {}, rest, value);
  return copy;
}

describe("editing JSON5 in place", () => {
  it("gives that value, keeps every other one and every comment that stands outside what is replaced", () => {
    fc.assert(
      fc.property(
        tree,
        fc.array(fc.nat({ max: 2 }), { minLength: 40, maxLength: 60 }),
        fc.array(key, { minLength: 1, maxLength: 3 }),
        fc.option(fc.oneof(leaf, fc.constant({ deep: { er: [1] } })), { nil: undefined }),
        (root, styles, path, value) => {
          let at = 0;
          const text = write(root, () => styles[at++ % styles.length] as number);
          expect(JSON5.parse(text)).toEqual(root);
          const edited = editJson5(text, path, value);
          expect(JSON5.parse(edited)).toEqual(set(root, path, value));
          const replaced = path.reduce<any>(
            (found, one) => (found === null || typeof found !== "object" || Array.isArray(found) ? undefined : found[one]),
            root,
          );
          if (replaced === undefined || typeof replaced !== "object") {
            const gone = notes(text).filter((one) => !edited.includes(one));
            // A comment between a removed member's name and its value goes with the member.
            if (value !== undefined) expect(gone).toEqual([]);
            else for (const one of gone) expect(memberText(text, path)).toContain(one);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("starts from nothing", () => {
    expect(JSON5.parse(editJson5("", ["a", "b"], 1))).toEqual({ a: { b: 1 } });
    expect(JSON5.parse(editJson5("// only this\n{}", ["a"], [1]))).toEqual({ a: [1] });
  });

  it("removing what is not there changes nothing", () => {
    const text = "{ a: 1, /* b */ }";
    expect(editJson5(text, ["b"], undefined)).toBe(text);
    expect(editJson5(text, ["a", "b", "c"], undefined)).toBe(text);
  });

  it("of two members with one name edits the one that counts", () => {
    expect(JSON5.parse(editJson5("{ a: 1, a: 2 }", ["a"], 3))).toEqual({ a: 3 });
  });

  it("refuses what is not an object", () => {
    expect(() => editJson5("[1]", ["a"], 1)).toThrow(expect.objectContaining({ code: "PLINTH_CONFIG_INVALID" }));
  });
});

function memberText(text: string, path: readonly string[]): string {
  return path.length > 0 ? text : "";
}

describe("a path of the configuration", () => {
  it.each([
    ["extensions.acme.weather.config.units", ["extensions", "acme.weather", "config", "units"]],
    ['extensions["acme.weather"].config.units', ["extensions", "acme.weather", "config", "units"]],
    ["slots['plinth.router']", ["slots", "plinth.router"]],
    ["log.level", ["log", "level"]],
    ["list[0]", ["list", "0"]],
  ])("%s is read", (path, parts) => expect(parsePath(path)).toEqual(parts));

  it.each(["", "[", "a]", 'a["b', "."])("%j is refused", (path) => {
    expect(() => parsePath(path)).toThrow(expect.objectContaining({ code: "PLINTH_CONFIG_PATH" }));
  });
});
