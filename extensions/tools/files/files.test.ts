import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeConformance, toolConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import { filesBench } from "./workspace.testing.ts";

const calls: Record<string, { good: Record<string, unknown>; bad: Record<string, unknown> }> = {
  read: { good: { path: "a.txt" }, bad: { path: "none.txt" } },
  write: { good: { path: "b/c.txt", content: "x" }, bad: { path: "../x", content: "x" } },
  edit: { good: { path: "a.txt", find: "one", replace: "one" }, bad: { path: "a.txt", find: "none", replace: "x" } },
  list: { good: {}, bad: { path: "none" } },
  search: { good: { query: "one" }, bad: { query: "(", regex: true } },
};

for (const [id, { good, bad }] of Object.entries(calls)) {
  let workspace = "";
  describeConformance({ describe, it }, `tool ${id}`, toolConformance, {
    open: async () => {
      const bench = await filesBench();
      workspace = bench.workspace;
      await writeFile(join(workspace, "a.txt"), "one\ntwo\n");
      return { tool: bench.tool(id), close: () => bench[Symbol.asyncDispose]() };
    },
    good: () => ({ args: good, workspace }),
    bad: () => ({ args: bad, workspace }),
  });
}

describe("read", () => {
  it("gives a part by lines, and says how to go on", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "a.txt"), "one\ntwo\nthree\n");
    expect(await bench.text("read", { path: "a.txt" })).toBe("one\ntwo\nthree\n");
    expect(await bench.text("read", { path: "a.txt", offset: 2, limit: 1 })).toBe("two\n\n[There is more: go on with offset=3.]");
    expect(await bench.text("read", { path: "a.txt", offset: 3, limit: 1 })).toBe("three\n");
    expect(await bench.text("read", { path: "a.txt", offset: 4 })).toMatch(/no line 4.*It has 3 lines/);
    await writeFile(join(bench.workspace, "empty"), "");
    expect(await bench.text("read", { path: "empty" })).toBe("(The file is empty.)");
  });

  it("gives a large file whole in parts that fit", async () => {
    await using bench = await filesBench();
    const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n} ${"ü".repeat(n % 40)}`);
    await writeFile(join(bench.workspace, "large.txt"), lines.join("\n"));
    let whole = "";
    for (let offset: number | undefined = 1; offset; ) {
      const text = await bench.text("read", { path: "large.txt", offset });
      const [, next] = /\[There is more: go on with offset=(\d+)\.\]$/.exec(text) ?? [];
      whole += next ? text.slice(0, text.lastIndexOf("\n[")) : text;
      offset = next ? Number(next) : undefined;
    }
    expect(whole).toBe(lines.join("\n"));
  });

  it("cuts a line that alone is too long, between characters", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "long.txt"), `x${"ü".repeat(300_000)}\nend`);
    const text = await bench.text("read", { path: "long.txt" });
    expect(text).toMatch(/^xü+\n\[Line 1 is longer than 262144 bytes and was cut\. The next line is offset=2\.\]$/);
    expect(await bench.text("read", { path: "long.txt", offset: 2 })).toBe("end");
  });

  it("refuses what is no text file, without waiting for it", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "nul"), "a\0b");
    await writeFile(join(bench.workspace, "latin1"), Buffer.from([0x67, 0x72, 0xfc, 0xdf, 0x65]));
    await promisify(execFile)("mkfifo", [join(bench.workspace, "fifo")]);
    expect(await bench.code("read", { path: "nul" })).toBe("PLINTH_FILE_BINARY");
    expect(await bench.code("read", { path: "latin1" })).toBe("PLINTH_FILE_BINARY");
    expect(await bench.code("read", { path: "fifo" })).toBe("PLINTH_FILE_KIND");
    expect(await bench.code("read", { path: "." })).toBe("PLINTH_FILE_KIND");
    expect(await bench.code("read", { path: "none" })).toBe("PLINTH_FILE_MISSING");
    expect(await bench.text("read", { path: "none" }), "paths outside the workspace are not told").not.toContain(bench.outside);
  });
});

describe("write and edit", () => {
  it("create folders, keep a file's mode, and leave nothing else behind", async () => {
    await using bench = await filesBench();
    expect(await bench.text("write", { path: "a/b/run.sh", content: "echo ü\n" })).toBe("Wrote a/b/run.sh (8 bytes).");
    await chmod(join(bench.workspace, "a/b/run.sh"), 0o750);
    expect(await bench.text("write", { path: "a/b/run.sh", content: "echo 2\n" })).toContain("Replaced");
    expect((await stat(join(bench.workspace, "a/b/run.sh"))).mode & 0o777).toBe(0o750);
    expect(await readdir(join(bench.workspace, "a/b"))).toEqual(["run.sh"]);
    expect(await bench.code("write", { path: "a", content: "x" })).toBe("PLINTH_FILE_KIND");
    expect(await bench.code("write", { path: "a/b/run.sh/x", content: "x" })).toBe("PLINTH_FILE_FAILED");
    expect(await bench.code("write", { path: "big", content: "ü".repeat(3 * 1024 * 1024) })).toBe("PLINTH_FILE_SIZE");
    expect(await readdir(bench.workspace)).toEqual(["a"]);
  });

  it("replace text that occurs once, and say why not otherwise", async () => {
    await using bench = await filesBench();
    const path = join(bench.workspace, "a.txt");
    await writeFile(path, "one $& two\r\ntwo\r\n");
    expect(await bench.text("edit", { path: "a.txt", find: "one $&", replace: "$1 $$" })).toBe("Replaced 1 place in a.txt.");
    expect(await readFile(path, "utf8")).toBe("$1 $$ two\r\ntwo\r\n");
    expect(await bench.text("edit", { path: "a.txt", find: "two", replace: "2" })).toMatch(/occurs 2 times.*all=true/);
    expect(await bench.text("edit", { path: "a.txt", find: "three", replace: "3" })).toMatch(/does not occur.*copy the text exactly/);
    expect(await bench.text("edit", { path: "a.txt", find: "two", replace: "2", all: true })).toBe("Replaced 2 places in a.txt.");
    expect(await readFile(path, "utf8")).toBe("$1 $$ 2\r\n2\r\n");
    expect(await bench.code("edit", { path: "none", find: "a", replace: "b" })).toBe("PLINTH_FILE_MISSING");
  });

  it("keep both of two changes made at once", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "a.txt"), "a b c d");
    await Promise.all(["a", "b", "c", "d"].map((find) => bench.text("edit", { path: "a.txt", find, replace: find.toUpperCase() })));
    expect(await readFile(join(bench.workspace, "a.txt"), "utf8")).toBe("A B C D");
  });
});

describe("list and search", () => {
  it("show names, sizes and links, to a depth, sorted", async () => {
    await using bench = await filesBench();
    await mkdir(join(bench.workspace, "b/c"), { recursive: true });
    await mkdir(join(bench.workspace, "node_modules/x"), { recursive: true });
    await writeFile(join(bench.workspace, "a.txt"), "12345");
    await writeFile(join(bench.workspace, "b/c/d.txt"), "");
    await symlink("a.txt", join(bench.workspace, "z"));
    expect(await bench.text("list", {})).toBe("a.txt (5 bytes)\nb/\nnode_modules/\nz -> a.txt");
    expect(await bench.text("list", { path: "b", depth: 3 })).toBe("c/\nc/d.txt (0 bytes)");
    expect(await bench.text("list", { depth: 2 })).not.toContain("node_modules/x");
    expect(await bench.text("list", { path: "b/c/d.txt" })).toContain("not a folder");
  });

  it("stop a listing at 1,000 entries", async () => {
    await using bench = await filesBench();
    await Promise.all(Array.from({ length: 1_005 }, (_, n) => writeFile(join(bench.workspace, `f${n}`), "")));
    const text = await bench.text("list", {});
    expect(text.split("\n").length).toBe(1_001);
    expect(text).toContain("Only the first 1000 entries");
  });

  it("find lines by text or expression, in files worth searching", async () => {
    await using bench = await filesBench();
    await mkdir(join(bench.workspace, "src/node_modules"), { recursive: true });
    await writeFile(join(bench.workspace, "src/a.ts"), "const one = 1;\nconst Two = (2);\n");
    await writeFile(join(bench.workspace, "src/node_modules/x.ts"), "const one = 1;");
    await writeFile(join(bench.workspace, "binary"), "const one\0");
    await writeFile(join(bench.workspace, "large"), `const one\n${"x".repeat(1024 * 1024)}`);
    const note = "\n[1 file is larger than 1 MiB and were left out.]".replace("and were", "and was");
    expect(await bench.text("search", { query: "const one" })).toBe(`src/a.ts:1: const one = 1;${note}`);
    expect(await bench.text("search", { query: "(2)", path: "src" })).toBe("src/a.ts:2: const Two = (2);");
    expect(await bench.text("search", { query: "two", ignoreCase: true, path: "src" })).toContain("src/a.ts:2");
    expect(await bench.text("search", { query: "^const \\w+ = \\d", regex: true, path: "src" })).toBe("src/a.ts:1: const one = 1;");
  });

  it("end an expression that would take forever, and keep the event loop free meanwhile", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "a.txt"), `${"a".repeat(40)}!\n`);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    expect(await bench.code("search", { query: "^(a+)+$", regex: true })).toBe("PLINTH_SEARCH_SLOW");
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(20);
    const controller = new AbortController();
    const attempt = bench.call("search", { query: "^(a+)+$", regex: true }, controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(attempt).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
  });

  it("show at most 200 lines", async () => {
    await using bench = await filesBench();
    await writeFile(join(bench.workspace, "a.txt"), "hit\n".repeat(500));
    const text = await bench.text("search", { query: "hit" });
    expect(text.split("\n").length).toBe(201);
    expect(text).toContain("more than 200 lines");
  });
});
