import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitInstalled, settleCommit } from "./commit.ts";
import { documentFile, lockFile, nextLockFile, readInstalled } from "./installed.ts";
import { readTextIfAny } from "./text-file.ts";
import { Writers } from "./writers.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-writers-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Another process that holds the writers' lock until it is ended. */
async function holder(): Promise<{ kill(): Promise<void> }> {
  const program = `const { Writers } = await import(${JSON.stringify(join(import.meta.dirname, "writers.ts"))});
    await new Writers(${JSON.stringify(home)}).run(() => { console.log("held"); setInterval(() => {}, 1000); return new Promise(() => {}); });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return {
    async kill() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

describe("writers of one home", () => {
  it("wait for each other, and who waits too long is told by whom", async () => {
    const other = await holder();
    await expect(new Writers(home).run(async () => "mine", 200)).rejects.toMatchObject({
      code: "PLINTH_HOME_BUSY",
      message: expect.stringMatching(/Process \d+ has been changing this home since/),
    });
    await other.kill();
  });

  it("go on at once when the one before was killed, and know that it did not finish", async () => {
    const other = await holder();
    await other.kill();
    expect(await new Writers(home).noted()).toBe(true);
    expect(await new Writers(home).run(async (unsettled) => unsettled)).toBe(true);
    expect(await new Writers(home).run(async (unsettled) => unsettled)).toBe(false);
    expect(await readdir(join(home, "host"))).toEqual(["writers.db"]);
  });

  it("take turns within one process, also after one that failed", async () => {
    const writers = new Writers(home);
    const order: string[] = [];
    const one = (name: string) => writers.run(async () => void order.push(`${name} begins`, `${name} ends`));
    await expect(writers.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await Promise.all(["a", "b", "c"].map(one));
    for (let at = 0; at < order.length; at += 2) expect(order[at + 1]).toBe((order[at] as string).replace("begins", "ends"));
    expect(await writers.noted()).toBe(false);
  });
});

describe("what is installed", () => {
  const entry = { version: "1.0.0", source: "folder:x", digest: "a".repeat(128), pinnedBy: "operator", reason: "r" } as const;
  const other = { ...entry, version: "2.0.0" };
  const state = (extensions: Record<string, typeof entry | typeof other>) => ({
    lock: { lockfile: 1 as const, extensions },
    grants: new Map(),
    records: Object.values(extensions).map(({ digest }) => ({ manifest: { id: "acme.x" } as never, digest, dir: "", bundled: false })),
    removed: [],
  });
  const versions = async () => Object.values((await readInstalled(home)).lock.extensions).map(({ version }) => version);

  it("is the document's, when the commit was killed before its lock was in place, and the next writer puts it there", async () => {
    await commitInstalled(home, state({ "acme.x": entry }));
    const old = (await readTextIfAny(lockFile(home))) as string;
    await commitInstalled(home, state({ "acme.x": other }));
    await writeFile(nextLockFile(home), (await readTextIfAny(lockFile(home))) as string);
    await writeFile(lockFile(home), old);
    expect(await versions()).toEqual(["2.0.0"]);
    await settleCommit(home);
    expect(await readTextIfAny(lockFile(home))).toContain("2.0.0");
    expect(await readTextIfAny(nextLockFile(home))).toBeUndefined();
  });

  it("is the old one, when it was killed before the document's rename; what it made ready goes", async () => {
    await commitInstalled(home, state({ "acme.x": entry }));
    await writeFile(nextLockFile(home), "{}");
    expect(await versions()).toEqual(["1.0.0"]);
    await settleCommit(home);
    expect((await readdir(home)).sort()).toEqual(["installed.json", "plinth.lock"]);
  });

  it("is what an operator wrote into the lock, with a mark and the line ends of Windows, too", async () => {
    await commitInstalled(home, state({ "acme.x": entry }));
    const text = (await readTextIfAny(lockFile(home))) as string;
    await writeFile(lockFile(home), `\uFEFF${text.replace("1.0.0", "2.0.0").replaceAll("\n", "\r\n")}`);
    expect(await versions()).toEqual(["2.0.0"]);
    await writeFile(documentFile(home), `\uFEFF${(await readTextIfAny(documentFile(home))) as string}`);
    expect((await readInstalled(home)).problems).toEqual([]);
    await rm(lockFile(home));
    expect(await versions()).toEqual(["1.0.0"]);
  });
});
