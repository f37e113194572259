import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
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

it.runIf(linux)(
  "who burns a processor goes last, with what it started, and comes back when it rests",
  async () => {
    // It burns until it was seen to: on a busy machine that takes a while.
    const enough = join(tmpdir(), `plinth-enough-${process.pid}-${Date.now()}`);
    const pid = started(
      `while (!process.getBuiltinModule("fs").existsSync(${JSON.stringify(enough)})) for (let n = 0; n < 1e7; n++); setInterval(() => {}, 1_000)`,
    );
    const tree = new ProcessTree(pid);
    await looksUntil(tree, () => standing(pid) === 19);
    writeFileSync(enough, "");
    await looksUntil(tree, () => standing(pid) === 10);
    rmSync(enough);
  },
  120_000,
);

const MB = 1_048_576;
/** Makes system calls itself, as code could that took over its process and stands behind no filter. */
const withKernel = (code: string): string => `
  import { closeSync, openSync, writeSync } from "node:fs";
  import { reachKernel } from ${JSON.stringify(new URL("../../guest/system-call.ts", import.meta.url).pathname)};
  const { call } = reachKernel();
  const mapped = (bytes) => call([9, 222], null, bytes, 3, 0x21, -1, 0);
  const zero = openSync("/dev/zero", "r");
  const fill = (at, bytes) => call([0, 63], zero, at, bytes);
  ${code}
  setInterval(() => {}, 1_000);`;
const memoryOf = (code: string) => {
  const args = ["--no-warnings", "--input-type=module-typescript", "-e", withKernel(code)];
  const child = spawn(process.execPath, args, { detached: true, stdio: "ignore" });
  children.push(child);
  return new ProcessTree(child.pid ?? 0);
};
const grown = async (tree: ProcessTree, bytes: number): Promise<void> => {
  let now = 0;
  await looksUntil(tree, () => (now = tree.look().memoryBytes) > bytes);
  expect(now).toBeGreaterThan(bytes);
};

it.runIf(linux)("memory in a memfd counts, though no process has it mapped", async () => {
  await grown(
    memoryOf(
      `const fd = call([319, 279], Buffer.from("x\\0"), 0); const block = Buffer.alloc(${MB}, 1); for (let n = 0; n < 300; n++) writeSync(fd, block);`,
    ),
    300 * MB,
  );
});

it.runIf(linux)("shared memory counts, also after the process let go of its pages", async () => {
  await grown(memoryOf(`const at = mapped(${300 * MB}); fill(at, ${300 * MB}); call([28, 233], at, ${300 * MB}, 4);`), 300 * MB);
});

it.runIf(linux)("memory that several processes share counts once beyond what each has resident", async () => {
  const tree = memoryOf(
    `mapped(${200 * MB}); const { spawn } = await import("node:child_process"); for (let n = 0; n < 2; n++) spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);`,
  );
  await grown(tree, 200 * MB);
  await looksUntil(tree, () => tree.look().memoryBytes > 300 * MB);
  expect(tree.look().memoryBytes).toBeLessThan(600 * MB);
});
