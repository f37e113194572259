import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createTestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const repository = join(import.meta.dirname, "../../..");
const KINDS = [
  "tool",
  "model-provider",
  "channel",
  "chat-command",
  "http-route",
  "hook",
  "harness",
  "session-store",
  "plugin-source",
  "data",
  "contract",
];
/** Those without code. */
const CODELESS = ["data", "contract"];
let cwd: string;
beforeEach(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), "plinth-kinds-")));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** One command's result. */
async function run(id: string, args: Record<string, string>, options: Record<string, string | boolean> = {}): Promise<any> {
  const host = await createTestHost({ extensions: [{ manifest, extension }], principal: { role: "owner", via: "test" } });
  const terminal = { cwd, json: true, tty: false, columns: 80, color: false, local: true };
  try {
    for await (const item of host.use("plinth.cli-command").get(id).run({ args, options, terminal })) if ("result" in item) return item.result;
  } finally {
    await host.close();
  }
}

it("every kind that `plinth create` offers is tested here", async () => {
  const folders = (await readdir(join(repository, "templates"))).filter((name) => !name.startsWith("_"));
  expect(folders.sort()).toEqual([...KINDS].sort());
});

it.each(KINDS)(
  "a new %s passes its own tests, the contract's suite and the type checker with nothing installed, and packs to the same bytes in any folder",
  async (kind) => {
    const { dir, id, files } = await run("create", { name: "acme.my-thing" }, { kind });
    for (const file of files) expect(await readFile(join(dir, file), "utf8")).not.toMatch(/__[A-Z]+__/);
    expect(files).toEqual(expect.arrayContaining([".github/workflows/check.yml", ".gitignore", "README.md", "package.json", "plinth.json"]));

    const env = { PATH: process.env.PATH, HOME: cwd, NO_COLOR: "1" };
    const vitest = [join(dir, "node_modules/vitest/vitest.mjs"), "run", "--reporter=verbose", "--testTimeout=30000"];
    const tested = await promisify(execFile)(process.execPath, vitest, { cwd: dir, env });
    expect(tested.stdout).toMatch(/Tests +[1-9]\d* passed/);
    if (!CODELESS.includes(kind)) expect(tested.stdout).toContain("keeps its contract");

    expect(await run("types", { dir }, { check: true })).toMatchObject({ changed: false });
    if (!CODELESS.includes(kind)) {
      // Of the SDK the built declarations are what counts; here it is its source, which needs Node's types.
      await symlink(join(repository, "node_modules/@types"), join(dir, "node_modules/@types"), "dir");
      const tsc = join(repository, "node_modules/typescript/bin/tsc");
      const options = ["-p", ".", "--customConditions", "development", "--types", "node", "--lib", "ESNext,DOM,DOM.Iterable"];
      const checked = await promisify(execFile)(process.execPath, [tsc, ...options], { cwd: dir }).catch((error) => error);
      expect(checked.stdout).toBe("");
    }

    const first = await run("pack", { dir }, { out: "first.tgz" });
    const again = await run("create", { name: "acme.my-thing" }, { kind, dir: "elsewhere/again" });
    const second = await run("pack", { dir: again.dir }, { out: "second.tgz" });
    expect(first).toMatchObject({ id, integrity: second.integrity, size: second.size });
    expect((await readFile(join(cwd, "first.tgz"))).equals(await readFile(join(cwd, "second.tgz")))).toBe(true);
  },
  120_000,
);
