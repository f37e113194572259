/** A home that is closed to everybody else, as root's is: what was granted in it is reached all the same, and nothing beside it. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Found, found, holdFolders, launch, makesMounts, ownUser, releaseFolders } from "@plinth/sdk/tiers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const boxed = await found([]);
const landlocked = await found(["bubblewrap"]);
const leashed = await found(["bubblewrap", "landlock", "seccomp"]);
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("not tried here: folders of root, since this is a user");

let top: string;
let home: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "plinth-closed-"));
  home = join(top, "root/.plinth");
  for (const name of ["state/acme.x", "state/acme.other", "workspace"]) mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, "token"), "the owner's", { mode: 0o644 });
  writeFileSync(join(home, "workspace/note"), "the owner's", { mode: 0o600 });
  chmodSync(join(top, "root"), 0o700);
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

async function run(tools: Found): Promise<Record<string, string>> {
  const [data, workspace] = [join(home, "state/acme.x"), join(home, "workspace")];
  const user = await ownUser("acme.x", data);
  const granted = [
    { name: "data", path: data, write: true },
    { name: "workspace", path: workspace, write: true },
  ];
  const folders = await holdFolders("acme.x", home, granted, user, makesMounts(tools));
  const code = `
    const fs = require("node:fs");
    const attempt = (body) => { try { return String(body()); } catch (error) { return error.code; } };
    console.log(JSON.stringify({
      data: attempt(() => fs.writeFileSync(${JSON.stringify(join(data, "made"))}, "x")), workspace: attempt(() => fs.writeFileSync(${JSON.stringify(join(workspace, "made"))}, "x")),
      note: attempt(() => fs.readFileSync(${JSON.stringify(join(workspace, "note"))}, "utf8")), token: attempt(() => fs.readFileSync(${JSON.stringify(join(home, "token"))}, "utf8")),
      other: attempt(() => fs.readdirSync(${JSON.stringify(join(home, "state/acme.other"))})), rights: attempt(() => fs.fchmodSync(fs.openSync(${JSON.stringify(join(workspace, "made"))}), 0o4755)),
      root: String(process.getuid() === 0),
    }));`;
  const room = { folders, programs: [process.execPath], cwd: "/", env: {}, user };
  try {
    const { stdout, stderr } = launch(tools, room, [process.execPath, "-e", code]);
    const [out, said] = await Promise.all([text(stdout as never), text(stderr as never)]);
    if (out === "") throw new Error(said);
    return JSON.parse(out);
  } finally {
    releaseFolders(folders);
  }
}

describe.runIf(isRoot).each([
  ["namespaces", boxed, boxed.builtByRoot === true],
  ["Landlock", landlocked, landlocked.confine?.mounts === true && landlocked.confine.landlock > 0],
] as const)("behind %s", (_wall, tools, isHere) => {
  it.runIf(isHere)("a user of its own reaches what was granted, as its own, and nothing else", async () => {
    const { token, other, rights, ...reached } = await run(tools);
    expect(reached).toEqual({ data: "undefined", workspace: "undefined", note: "the owner's", root: "false" });
    for (const refused of [token, other]) expect(refused).toMatch(/^(ENOENT|EACCES)$/);
    expect(rights).toBe("EPERM");
    expect(statSync(join(home, "workspace/made")).uid).toBe(0);
    expect(statSync(join(home, "state/acme.x/made")).uid).toBeGreaterThanOrEqual(61_184);
    expect(statSync(join(home, "state/acme.x")).uid).toBe(statSync(join(home, "state/acme.x/made")).uid);
    expect(readFileSync(join(home, "workspace/made"), "utf8")).toBe("x");
  });
});

it.runIf(isRoot && boxed.builtByRoot === true)("where the program that lends folders is missing, nothing is started", async () => {
  await expect(run({ ...boxed, lender: undefined })).rejects.toMatchObject({
    code: "PLINTH_ROOT",
    message: expect.stringContaining("workspace"),
    next: expect.stringContaining("install Plinth again"),
  });
});

it.runIf(isRoot)("where no mounts can be made, the start is refused with what would help", async () => {
  await expect(run(leashed)).rejects.toMatchObject({
    code: "PLINTH_ROOT",
    message: expect.stringContaining("state/acme.x"),
    next: expect.stringContaining("bubblewrap"),
  });
});
