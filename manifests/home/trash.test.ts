import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { discard, emptyTrash } from "./trash.ts";

let home: string;
let data: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-trash-"));
  data = join(home, "state/acme.x");
  await mkdir(data, { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const left = async (): Promise<string[]> => [...(await readdir(home)), ...(await readdir(join(home, "state")))].sort();

/** Folders within folders, made from the inside out: no path to the innermost one can be written down. */
function nested(depth: number): void {
  const [inner, outer] = [join(home, "a"), join(home, "b")];
  mkdirSync(inner);
  writeFileSync(join(inner, "deepest"), "x");
  for (let at = 0; at < depth; at++) {
    mkdirSync(outer);
    renameSync(inner, join(outer, "folder"));
    renameSync(outer, inner);
  }
  renameSync(inner, join(data, "top"));
}

it.runIf(process.platform === "linux")("removes folders nested beyond every path", async () => {
  nested(3_900);
  await discard(home, data);
  expect(await left()).toEqual(["state"]);
});

it.runIf(process.platform === "linux")(
  "removes names that are no text, names of every length, folders that may not be written, and pipes",
  async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xff, 0xfe, 0x0a, 0x2d])]), "x");
    mkdirSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xc3, 0x28])]));
    writeFileSync(join(data, "n".repeat(255)), "x");
    mkdirSync(join(data, "locked/within"), { recursive: true });
    writeFileSync(join(data, "locked/within/file"), "x", { mode: 0 });
    for (const one of ["locked/within", "locked", ""]) chmodSync(join(data, one), 0o000);
    await discard(home, data);
    expect(await left()).toEqual(["state"]);
  },
);

it("removes many files and folders beside each other", async () => {
  for (let at = 0; at < 60; at++) {
    mkdirSync(join(data, String(at), "inner"), { recursive: true });
    for (let file = 0; file < 30; file++) writeFileSync(join(data, String(at), "inner", String(file)), "");
  }
  await discard(home, data);
  expect(await left()).toEqual(["state"]);
});

it("removes links, and nothing that they lead to", async () => {
  const outside = await mkdtemp(join(tmpdir(), "plinth-outside-"));
  await writeFile(join(outside, "kept"), "kept");
  await symlink(outside, join(data, "link"));
  await symlink(join(outside, "kept"), join(data, "file"));
  await discard(home, data);
  await symlink(outside, data);
  await discard(home, data);
  expect(await readFile(join(outside, "kept"), "utf8")).toBe("kept");
  expect(await left()).toEqual(["state"]);
  await rm(outside, { recursive: true });
});

it("says nothing of what is not there, and removes what an earlier end left", async () => {
  await discard(home, join(home, "state/acme.none"));
  await mkdir(join(home, "trash/left/behind"), { recursive: true });
  await emptyTrash(home);
  await emptyTrash(home);
  expect(await left()).toEqual(["acme.x", "state"]);
});
