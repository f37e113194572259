import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderUse } from "./folder-use.ts";

const MIB = 1_048_576;
const bytes = Buffer.alloc(MIB, 1);
let dir: string;
const undo: (() => unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-folder-"));
});
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  rmSync(dir, { recursive: true, force: true });
});
const whole = async (most = 100 * MIB): Promise<number> => Math.round(((await folderUse(dir, [process.pid], most)) as { bytes: number }).bytes / MIB);

describe.runIf(process.platform === "linux")("what a folder takes", () => {
  it("counts files whose names are no text", async () => {
    for (const byte of [0x80, 0xff, 0xfe]) writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([byte, 0xc0])]), bytes);
    mkdirSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xe9])]));
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xe9]), Buffer.from("/inside")]), bytes);
    expect(await whole()).toBe(4);
  });

  it("counts what a process holds open without a name, once, and no more when it is closed", async () => {
    const code = `const fs = require("node:fs"); for (let n = 0; n < 5; n++) { const fd = fs.openSync(${JSON.stringify(dir)} + "/" + n, "w"); fs.writeSync(fd, Buffer.alloc(${MIB}, 1)); fs.unlinkSync(${JSON.stringify(dir)} + "/" + n); } console.log("held"); setInterval(() => {}, 1e6);`;
    const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    undo.push(() => child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const held = await folderUse(dir, [child.pid as number], 100 * MIB);
    expect(Math.round((held as { bytes: number }).bytes / MIB)).toBe(5);
    expect(await folderUse(dir, [child.pid as number], 4 * MIB)).toEqual({ why: expect.stringContaining("it kept more than 4 MiB") });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await whole()).toBe(0);
  });

  it("counts a file with two names once, holes not at all, and nothing behind links", async () => {
    writeFileSync(join(dir, "a"), bytes);
    linkSync(join(dir, "a"), join(dir, "b"));
    symlinkSync("/usr", join(dir, "link"));
    expect(await whole()).toBe(1);
  });

  it("ends what makes it too deep or hides a part, instead of counting less", async () => {
    let deep = dir;
    for (let n = 0; n < 70; n++) mkdirSync((deep = `${deep}/d`));
    expect(await folderUse(dir, [process.pid], MIB)).toEqual({ why: "its folder is more than 64 folders deep" });
    rmSync(join(dir, "d"), { recursive: true });
    mkdirSync(join(dir, "hidden"));
    chmodSync(join(dir, "hidden"), 0);
    const use = await folderUse(dir, [process.pid], MIB);
    // Root sees into it all the same.
    if (process.getuid?.() !== 0) expect(use).toEqual({ why: "it hides a part of its folder from being counted" });
    else expect(use).toMatchObject({ entries: 1 });
  });
});
