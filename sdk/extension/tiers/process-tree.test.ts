import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { afterEach, expect, it } from "vitest";
import { ProcessTree } from "./process-tree.ts";

const LOOK_MS = 50;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const linux = process.platform === "linux" && existsSync("/proc/self/autogroup");
const started = (code: string): number => {
  const child = spawn(process.execPath, ["-e", code], { detached: true, stdio: "ignore" });
  children.push(child);
  return child.pid ?? 0;
};
/** As the system says it: "/autogroup-123 nice 10". */
const standing = (pid: number): number => Number(readFileSync(`/proc/${pid}/autogroup`, "utf8").split(" ").at(-1));

async function looksUntil(tree: ProcessTree, done: () => boolean): Promise<void> {
  while (!done()) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    tree.look();
  }
}

it.runIf(linux)("a launched process stands behind its host", async () => {
  const pid = started("setInterval(() => {}, 1_000)");
  const tree = new ProcessTree(pid);
  await looksUntil(tree, () => standing(pid) === 10);
  expect(getPriority(pid)).toBe(10);
});

it.runIf(linux)("who burns a processor goes last, with what it started, and comes back when it rests", async () => {
  const pid = started("const end = Date.now() + 1_500; while (Date.now() < end); setInterval(() => {}, 1_000)");
  const tree = new ProcessTree(pid);
  await looksUntil(tree, () => standing(pid) === 19);
  await looksUntil(tree, () => standing(pid) === 10);
});
