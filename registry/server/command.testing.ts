/** `plinth-registry` for tests: a real process in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCommand {
  /** Where it runs. */
  base: string;
  run(...args: string[]): Promise<{ code: number | null; out: string; err: string }>;
  /** Resolves when it listens. `output` is all that it wrote. */
  serve(...args: string[]): Promise<{ child: ChildProcess; url: string; output(): string }>;
}

const bin = join(import.meta.dirname, "bin.cjs");
const running: ChildProcess[] = [];
const folders: string[] = [];

export async function testCommand(more: Record<string, string> = {}): Promise<TestCommand> {
  const base = await mkdtemp(join(tmpdir(), "plinth-registry-"));
  folders.push(base);
  const start = (args: readonly string[]): ChildProcess => {
    const env = { ...process.env, NO_COLOR: "1", PLINTH_REGISTRY_DATABASE: undefined, ...more };
    const child = spawn(process.execPath, [bin, ...args], { cwd: base, stdio: ["ignore", "pipe", "pipe"], env });
    running.push(child);
    return child;
  };
  return {
    base,
    async run(...args) {
      const child = start(args);
      let [out, err] = ["", ""];
      child.stdout!.on("data", (data) => (out += data));
      child.stderr!.on("data", (data) => (err += data));
      const [code] = await once(child, "close");
      return { code, out, err };
    },
    async serve(...args) {
      const child = start(["serve", "--port", "0", "--json", ...args]);
      let text = "";
      child.stderr!.on("data", (data) => (text += data));
      for await (const data of child.stdout!) {
        text += data;
        if (text.includes("\n")) break;
      }
      if (!text.startsWith("{")) throw new Error(text);
      return { child, ...JSON.parse(text), output: () => text };
    },
  };
}

export async function stopTestCommands(): Promise<void> {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}
