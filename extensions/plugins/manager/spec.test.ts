import { homedir } from "node:os";
import { describe, expect, it } from "vitest";
import { parsePackage, parseSpec } from "./spec.ts";

describe("a spec", () => {
  it.each([
    ["demo.dice", "registry", "demo.dice"],
    ["demo.dice@1.0.0", "registry", "demo.dice@1.0.0"],
    ["demo.dice@^1", "registry", "demo.dice@^1"],
    ["registry:demo.dice@beta", "registry", "demo.dice@beta"],
    ["./dice", "folder", "/home/me/dice"],
    ["../dice", "folder", "/home/dice"],
    [".", "folder", "/home/me"],
    ["/abs/dice", "folder", "/abs/dice"],
    ["~/dice", "folder", `${homedir()}/dice`],
    ["folder:dice", "folder", "/home/me/dice"],
    ["file:dice", "folder", "/home/me/dice"],
    ["file:///abs/a%20b", "folder", "/abs/a b"],
    ["dice.tgz", "archive", "/home/me/dice.tgz"],
    ["./dice.tgz", "archive", "/home/me/dice.tgz"],
    ["demo.dice-1.0.0.tgz", "archive", "/home/me/demo.dice-1.0.0.tgz"],
    ["file:///abs/dice.tar.gz", "archive", "/abs/dice.tar.gz"],
    ["archive:dice", "archive", "/home/me/dice"],
    ["npm:left-pad@1", "npm", "left-pad@1"],
    ["  demo.dice ", "registry", "demo.dice"],
  ])("%s is %s %s", (text, scheme, rest) => {
    expect(parseSpec(text, "/home/me")).toEqual({ scheme, rest });
  });

  it.each(["", "dice", "Demo.Dice", "demo.dice@", "demo dice", "https//x", "-x"])("refuses %j with an example", (text) => {
    expect(() => parseSpec(text, "/home/me")).toThrow(expect.objectContaining({ code: "PLINTH_SPEC", next: expect.stringContaining("demo.dice") }));
  });

  it("splits a package from its range at the first @", () => {
    expect(parsePackage("demo.dice@>=1 <2")).toEqual({ id: "demo.dice", range: ">=1 <2" });
    expect(parsePackage("demo.dice")).toEqual({ id: "demo.dice", range: undefined });
    expect(() => parsePackage("../etc@1")).toThrow(expect.objectContaining({ code: "PLINTH_SPEC" }));
  });
});
