import { link, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FilesBench, filesBench, textOf } from "./workspace.testing.ts";

const SECRET = "secret outside";

async function trap(): Promise<FilesBench> {
  const bench = await filesBench();
  await writeFile(join(bench.outside, "secret.txt"), SECRET);
  await mkdir(join(bench.outside, "workspace-twin"));
  await writeFile(join(bench.outside, "workspace-twin", "secret.txt"), SECRET);
  await mkdir(join(bench.workspace, "sub"));
  await writeFile(join(bench.workspace, "sub", "inside.txt"), "inside");
  return bench;
}

/** Every tool, asked for one path. */
const everyTool = (path: string): [string, Record<string, unknown>][] => [
  ["read", { path }],
  ["write", { path, content: "overwritten" }],
  ["edit", { path, find: "secret", replace: "overwritten" }],
  ["list", { path }],
  ["search", { path, query: "secret" }],
];

async function untouched({ outside }: FilesBench): Promise<void> {
  expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe(SECRET);
  expect(await readFile(join(outside, "workspace-twin", "secret.txt"), "utf8")).toBe(SECRET);
  expect((await readdir(outside)).sort()).toEqual(["secret.txt", "workspace", "workspace-twin"]);
}

describe("nothing outside the workspace is reached", () => {
  it("by .., absolute paths, sibling prefixes or NUL", async () => {
    await using bench = await trap();
    const paths = [
      "../secret.txt",
      "sub/../../secret.txt",
      "..",
      "sub/../..",
      "/etc/passwd",
      `${bench.workspace}-twin/secret.txt`,
      `${bench.workspace}/../secret.txt`,
      "a\0b",
      "/",
    ];
    for (const path of paths) {
      for (const [tool, args] of everyTool(path)) expect(await bench.code(tool, args), `${tool} ${JSON.stringify(path)}`).toBe("PLINTH_PATH_OUTSIDE");
    }
    await untouched(bench);
  });

  it("through links to files and folders, direct, relative or chained", async () => {
    await using bench = await trap();
    await symlink(join(bench.outside, "secret.txt"), join(bench.workspace, "file"));
    await symlink("../secret.txt", join(bench.workspace, "relative"));
    await symlink("..", join(bench.workspace, "folder"));
    await symlink("folder", join(bench.workspace, "chain"));
    await symlink("loop", join(bench.workspace, "loop"));
    for (const path of ["file", "relative", "folder/secret.txt", "chain/secret.txt", "sub/../chain/secret.txt", "loop", "loop/x"]) {
      for (const [tool, args] of everyTool(path)) {
        expect(await bench.code(tool, args), `${tool} ${path}`).toMatch(/^PLINTH_(PATH_OUTSIDE|FILE_KIND)$/);
      }
    }
    expect(await bench.code("write", { path: "folder/new.txt", content: "x" })).toBe("PLINTH_PATH_OUTSIDE");
    expect(await bench.text("search", { query: "secret" })).toBe("Nothing was found.");
    expect(await bench.text("list", { depth: 5 })).not.toContain("workspace-twin");
    await untouched(bench);
  });

  it("by writing to a hard link: the twin keeps its content", async () => {
    await using bench = await trap();
    await link(join(bench.outside, "secret.txt"), join(bench.workspace, "written"));
    await link(join(bench.outside, "secret.txt"), join(bench.workspace, "edited"));
    expect(await bench.code("write", { path: "written", content: "mine" })).toBeUndefined();
    expect(await bench.code("edit", { path: "edited", find: "secret", replace: "mine" })).toBeUndefined();
    expect(await readFile(join(bench.workspace, "edited"), "utf8")).toBe("mine outside");
    await untouched(bench);
  });

  it("while somebody swaps a folder for a link", async () => {
    await using bench = await trap();
    await symlink("..", join(bench.workspace, "evil"));
    await mkdir(join(bench.workspace, "good"));
    await writeFile(join(bench.workspace, "good", "secret.txt"), "harmless");
    let swapping = true;
    const swapper = (async () => {
      const at = (name: string) => join(bench.workspace, name);
      while (swapping) {
        await rename(at("good"), at("parked"));
        await rename(at("evil"), at("good"));
        await rename(at("good"), at("evil"));
        await rename(at("parked"), at("good"));
      }
    })();
    const seen = new Set<string>();
    for (let n = 0; n < 300; n++) {
      const result = await bench.call("read", { path: "good/secret.txt" });
      seen.add(result.isError ? "refused" : textOf(result));
      await bench.call("edit", { path: "good/secret.txt", find: "harmless", replace: "harmless" });
    }
    swapping = false;
    await swapper;
    expect([...seen].filter((one) => one !== "refused" && one !== "harmless")).toEqual([]);
    await untouched(bench);
  });

  it("but links and absolute paths that stay inside are followed for reading", async () => {
    await using bench = await trap();
    await symlink("sub", join(bench.workspace, "alias"));
    await symlink(join(bench.workspace, "sub", "inside.txt"), join(bench.workspace, "absolute"));
    for (const path of ["alias/inside.txt", "absolute", `${bench.workspace}/sub/inside.txt`, "./sub//inside.txt", "sub/../sub/inside.txt"]) {
      expect(await bench.text("read", { path })).toBe("inside");
    }
    expect(await bench.code("write", { path: "absolute", content: "x" })).toBe("PLINTH_FILE_KIND");
    expect(await bench.text("write", { path: "alias/new.txt", content: "x" })).toContain("Wrote");
    expect(await readdir(join(bench.workspace, "sub"))).toEqual(["inside.txt", "new.txt"]);
  });

  it("when the call names no workspace, or none that exists", async () => {
    await using bench = await trap();
    for (const workspace of [undefined, "relative", "", join(bench.outside, "nowhere")]) {
      const result = await bench.tool("read").call({ args: { path: "secret.txt" }, ...(workspace === undefined ? {} : { workspace }) });
      expect(result).toMatchObject({ isError: true, details: { code: "PLINTH_WORKSPACE_MISSING" } });
    }
  });

  it("in work that is not an owner's, whatever workspace it names", async () => {
    await using bench = await trap();
    for (const [tool, args] of everyTool("sub/inside.txt")) {
      const result = await bench.as({ role: "guest", via: "test" }, () => bench.call(tool, args));
      expect(result, tool).toMatchObject({ isError: true, details: { code: "PLINTH_PERMISSION" } });
    }
  });
});
