import { describe, expect, it } from "vitest";
import { undeclared, unused, usedPowers } from "./used-powers.ts";

const manifest = (permissions: object) => ({ permissions }) as Parameters<typeof undeclared>[0];
const uses = (source: string) => usedPowers(new Map([["src/index.ts", source]]));

describe("the powers that a source shows", () => {
  it.each([
    ["await ctx.fetch(url)", "net"],
    ["ctx.connect(url)", "net"],
    ["ctx.files.read(path)", "fs"],
    ["open(ctx.dataDir)", "fs"],
    ["ctx.exec('git', ['log'])", "exec"],
    ["ctx.secrets.handle('KEY')", "secrets"],
    ["ctx.env.HOME", "env"],
    ["ctx.work({ role: 'guest', via: 'x' }, body)", "principals"],
  ])("%s is %s, and has to be declared", (source, power) => {
    expect(undeclared(manifest({}), uses(source)).map((use) => use.power)).toContain(power);
  });

  it("are told with their place, and by name where the source says one", () => {
    expect(undeclared(manifest({ secrets: ["OTHER"] }), uses("\n\nctx.secrets.has('KEY')"))).toEqual([
      { power: "secrets", name: "KEY", file: "src/index.ts", line: 3 },
    ]);
  });

  it("are not those of comments", () => {
    expect(uses("// ctx.fetch(url)\n/* ctx.exec('x') */ const url = 1;")).toEqual([]);
  });

  it("show what is asked for without need", () => {
    const source = "ctx.fetch(url); ctx.env.LANG";
    expect(unused(manifest({ net: ["a.example"], exec: ["git"], env: ["LANG", "HOME"] }), uses(source))).toEqual(["exec: git", "env: HOME"]);
    expect(unused(manifest({ secrets: ["A", "B"] }), uses("ctx.secrets.has('A')"))).toEqual(["secrets: B"]);
    expect(unused(manifest({ secrets: ["A", "B"] }), uses("ctx.secrets.has(name)"))).toEqual([]);
  });
});
