import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isolateProcesses, ROOT, useIsolates } from "./isolates.testing.ts";

useIsolates();

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "plinth-orphans-"));
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  // A host with a warm process, and one in which two isolates loop: in a turn, and where nothing in the process can stop it.
  const code = `
    import { IsolateHost } from ${JSON.stringify(join(import.meta.dirname, "isolate-host.ts"))};
    const limits = { processMb: 256, heapMb: 48 };
    const [idle, busy] = [new IsolateHost(limits), new IsolateHost(limits)];
    await Promise.all([idle.ready, busy.ready]);
    const handler = { opened() {}, ended() {} };
    const tenant = (source) => busy.open({ id: "a.b", source, cache: undefined, heapMb: 48, turnMs: 60_000, callMs: 60_000 }, handler);
    tenant("while (true) {}");
    tenant("let n = 3n; while (true) n = n * n;");
    setTimeout(() => console.log("looping"), 300);
    setInterval(() => {}, 1_000);`;
  await build({
    stdin: { contents: code, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node26",
    conditions: ["development"],
    logLevel: "error",
    outfile: join(dir, "host.mjs"),
  });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it("nothing outlives a host that is killed, whatever it does", async () => {
  const host = spawn(process.execPath, [join(dir, "host.mjs")], { stdio: ["ignore", "pipe", "inherit"], env: process.env });
  await new Promise((resolve, reject) => {
    host.stdout.once("data", resolve);
    host.once("exit", reject);
  });
  const pids = await isolateProcesses(host.pid);
  expect(pids).toHaveLength(2);
  const ended = new Promise((resolve) => host.once("exit", resolve));
  host.kill("SIGKILL");
  await ended;
  const alive = async (): Promise<number[]> => {
    const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
    return pids.filter((_, at) => states[at] !== "");
  };
  await expect.poll(alive, { timeout: 10_000 }).toEqual([]);
});
