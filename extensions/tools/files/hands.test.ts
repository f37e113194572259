import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBench, textOf } from "./workspace.testing.ts";

describe("whose hands were in a file", () => {
  it("a turn that reads what others had a hand in knows it, by reading, searching and listing", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "mine.md"), "mine\n");
    await bench.turn(["outside", "acme.web"], () => bench.call("write", { path: "notes.md", content: "run this" }));
    for (const [tool, args] of [
      ["read", { path: "notes.md" }],
      ["search", { query: "run" }],
      ["list", {}],
    ] as const) {
      const { value, parties } = await bench.turn([], () => bench.call(tool, args));
      expect([tool, value.isError, value.outside, parties]).toEqual([tool, undefined, true, ["outside", "acme.web"]]);
    }
    const own = await bench.turn([], () => bench.call("read", { path: "mine.md" }));
    expect([own.value.outside, own.parties]).toEqual([undefined, []]);
  });

  it("an edit of the owner's leaves it partly theirs, a whole new content makes it the owner's", async () => {
    await using bench = await filesBench();
    const parties = async () => (await bench.turn([], () => bench.call("read", { path: "a" }))).parties;
    await bench.turn([], () => bench.call("write", { path: "a", content: "one two" }));
    expect(await parties()).toEqual([]);
    await bench.turn(["acme.x"], () => bench.call("edit", { path: "a", find: "one", replace: "1" }));
    expect(await parties()).toEqual(["acme.x"]);
    await bench.turn([], () => bench.call("edit", { path: "a", find: "two", replace: "2" }));
    expect(await parties()).toEqual(["acme.x"]);
    await bench.turn(["acme.y"], () => bench.call("write", { path: "a", content: "new" }));
    expect(await parties()).toEqual(["acme.x", "acme.y"]);
    await bench.turn([], () => bench.call("write", { path: "a", content: "mine again" }));
    expect(await parties()).toEqual([]);
  });

  it("where a third party may write in the workspace, whatever is read may be its words", async () => {
    const grant = (fs: string[]) => ({ consent: "x", digest: "x", version: "1.0.0", at: 1, by: "test", permissions: { fs }, asks: [] });
    await using bench = await filesBench({
      "acme.writer": grant(["workspace"]),
      "acme.reader": grant(["workspace:ro"]),
      "acme.own": grant(["data"]),
    });
    await writeFile(join(bench.workspace, "a"), "x");
    expect((await bench.turn([], () => bench.call("read", { path: "a" }))).parties).toEqual(["acme.writer"]);
  });
});

it("what a third party could write stays its words when it is uninstalled; what the owner writes then is the owner's", async () => {
  const writer = { consent: "x", digest: "x", version: "1.0.0", at: Date.now(), by: "test", permissions: { fs: ["workspace"] }, asks: [] };
  const grants: Record<string, unknown> = { "acme.writer": writer };
  await using bench = await filesBench(grants);
  await writeFile(join(bench.workspace, "theirs"), "run this");
  await bench.generation();
  delete grants["acme.writer"];
  await bench.generation();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await bench.turn([], () => bench.call("write", { path: "mine", content: "run that" }));
  const parties = async (tool: string, args: object) => (await bench.turn([], () => bench.call(tool, { ...args }))).parties;
  expect(await parties("read", { path: "theirs" })).toEqual(["acme.writer"]);
  expect(await parties("search", { query: "run this" })).toEqual(["acme.writer"]);
  expect(await parties("list", {})).toEqual(["acme.writer"]);
  expect(await parties("read", { path: "mine" })).toEqual([]);
  expect(await parties("search", { query: "run that" })).toEqual([]);
});

describe("what was written with others' hands in it", () => {
  it("can be taken back, byte for byte, and what was new is gone again", async () => {
    await using bench = await filesBench();
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a]);
    await writeFile(join(bench.workspace, "a"), bytes);
    await bench.turn(["outside"], () => bench.call("write", { path: "a", content: "b" }));
    await bench.turn(["outside"], () => bench.call("write", { path: "new", content: "c" }));
    const shown = await bench.undo("");
    expect(shown).toMatch(/`\/undo (\S+)`: `.*\/new` made .*outside had a hand in it\n.*`.*\/a` changed /);
    for (const [, id] of shown.matchAll(/\/undo ([a-z0-9-]+)/g)) await bench.undo(id!);
    expect(await readFile(join(bench.workspace, "a"))).toEqual(bytes);
    await expect(stat(join(bench.workspace, "new"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await bench.undo("")).toMatch(/^Nothing was written here/);
  });

  it("is not taken back over a later change, nor from anywhere by a made-up id", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "a"), "before");
    await bench.turn(["outside"], () => bench.call("write", { path: "a", content: "theirs" }));
    const [, id] = /\/undo ([a-z0-9-]+)/.exec(await bench.undo(""))!;
    await writeFile(join(bench.workspace, "a"), "mine since");
    await expect(bench.undo(id!)).rejects.toMatchObject({ code: "PLINTH_FILE_CHANGED" });
    expect(await readFile(join(bench.workspace, "a"), "utf8")).toBe("mine since");
    for (const bad of ["../../x", "x", `${id} x`, "__proto__"]) await expect(bench.undo(bad)).rejects.toMatchObject({ code: "PLINTH_UNDO_UNKNOWN" });
  });

  it("is neither shown to nor taken back by an extension that calls the command itself", async () => {
    await using bench = await filesBench();
    await bench.turn(["outside"], () => bench.call("write", { path: "new", content: "c" }));
    const [, id] = /\/undo ([a-z0-9-]+)/.exec(await bench.undo(""))!;
    const undo = async (args: string) => {
      for await (const _ of bench.command("undo").run({ args, sessionKey: "main" }));
    };
    for (const args of ["", id!])
      await expect(bench.as({ role: "guest", via: "acme.x" }, () => undo(args))).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(await readFile(join(bench.workspace, "new"), "utf8")).toBe("c");
  });

  it("keeps nothing of the owner's own turns", async () => {
    await using bench = await filesBench();
    await bench.turn([], () => bench.call("write", { path: "a", content: "x" }));
    expect(textOf(await bench.call("read", { path: "a" }))).toBe("x");
    expect(await bench.undo("")).toMatch(/^Nothing/);
  });
});
