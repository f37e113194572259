import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { found, kill, launch, ownUser, type Part } from "@plinth/sdk/tiers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { alive, descendants, Lab, stateOf } from "./lab.testing.ts";

const WALLS: [string, Part[]][] = [
  ["namespaces", []],
  ["Landlock", ["bubblewrap"]],
  ["a leash", ["bubblewrap", "landlock", "seccomp"]],
  ["nothing but Node's permission model", ["bubblewrap", "landlock", "seccomp", "setpriv", "prlimit"]],
];
const LOOP = [process.execPath, "-e", "for (;;);"];
const ROOM = { folders: [], programs: [process.execPath], cwd: "/", env: {}, user: await ownUser("acme.looping", null) };
const PATIENCE = { timeout: 10_000 };

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterEach(() => lab.quiet());
afterAll(() => lab.close());

/** What `start` started. */
async function made<T>(start: () => T): Promise<{ pids: number[]; result: Awaited<T> }> {
  const before = descendants(process.pid);
  const result = await start();
  return { pids: descendants(process.pid).filter((pid) => !before.includes(pid)), result };
}

describe.skipIf(process.platform !== "linux").each(WALLS)("behind %s", (_wall, without) => {
  it("ends with its runner and leaves nothing, not even an entry in the list of processes", async () => {
    const { pids, result } = await made(async () => lab.start(await found(without)));
    await result.runner.stop(new Error("enough"));
    await expect.poll(() => pids.filter((pid) => stateOf(pid) !== null), PATIENCE).toEqual([]);
  });

  it.runIf(existsSync("/proc/self/autogroup"))("stands behind its host for a processor, all of it", async () => {
    const { pids } = await made(async () => lab.start(await found(without)));
    const sessions = (): string[] => [...new Set(pids.map((pid) => readFileSync(`/proc/${pid}/autogroup`, "utf8").trim()))];
    await expect.poll(sessions, PATIENCE).toEqual([expect.stringMatching(/nice 10$/)]);
  });

  it("ends when it is killed while it loops, and leaves nothing either", async () => {
    const { pids, result } = await made(async () => lab.start(await found(without), { budgets: { cpuMsPerCall: 100 } }));
    await expect(result.call("loop")).rejects.toMatchObject({ code: "PLINTH_EXTENSION_EXITED" });
    await expect.poll(() => pids.filter((pid) => stateOf(pid) !== null), PATIENCE).toEqual([]);
  });

  it("ends when the outer process is killed", async () => {
    const { pids, result } = await made(async () => lab.start(await found(without)));
    const looping = result.call("loop").catch((thrown) => thrown.code);
    process.kill(-(pids[0] as number), "SIGKILL");
    expect(await looping).toBe("PLINTH_EXTENSION_EXITED");
    expect(await result.runner.ended).toMatchObject({ code: "PLINTH_EXTENSION_EXITED" });
    await expect.poll(() => pids.filter(alive), PATIENCE).toEqual([]);
  });

  it("ends when its host is killed, though it loops", async () => {
    const host = await hostOf(without);
    await expect.poll(() => descendants(host.pid as number).filter(loops).length, PATIENCE).toBe(1);
    const inside = descendants(host.pid as number);
    host.kill("SIGKILL");
    await expect.poll(() => inside.filter(alive), PATIENCE).toEqual([]);
  });
});

it("ends when its connection closes, though its host still runs", async () => {
  const { runner } = await lab.start(await found(["bubblewrap", "landlock", "seccomp", "setpriv", "prlimit"]));
  const { pid } = runner.usage();
  await runner.stop(new Error("enough"));
  await expect.poll(() => alive(pid as number), PATIENCE).toBe(false);
});

it("is killed with everything inside", async () => {
  const { pids, result: child } = await made(async () => {
    const launched = launch(await found(), ROOM, LOOP);
    await once(launched, "spawn");
    await expect.poll(() => descendants(launched.pid as number).length, PATIENCE).toBeGreaterThanOrEqual(0);
    return launched;
  });
  kill(child);
  await once(child, "exit");
  await expect.poll(() => pids.filter((pid) => stateOf(pid) !== null), PATIENCE).toEqual([]);
});

/** Another host, which has started a program that loops. */
async function hostOf(without: Part[]): Promise<ChildProcess> {
  const tiers = (file: string): string => JSON.stringify(join(import.meta.dirname, "../../../sdk/extension/tiers", file));
  const code = `
    import { launch } from ${tiers("launch.ts")};
    import { found } from ${tiers("tools.ts")};
    launch(await found(${JSON.stringify(without)}), ${JSON.stringify(ROOM)}, ${JSON.stringify(LOOP)});
    setTimeout(() => {}, 60_000);`;
  return spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], { stdio: "ignore" });
}

/** It does not wait for anything: the program that is held, after everything around it is built. */
const loops = (pid: number): boolean => stateOf(pid) === "R" && readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(LOOP.join("\0"));
