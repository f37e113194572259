import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";

export interface Ran {
  /** Null: the program is not there, or was ended. */
  code: number | null;
  missing: boolean;
  output: string;
}

const MAX_OUTPUT = 200_000;

/** Run a project's own program to its end, with this Node first in the path. Its whole group goes when it takes too long. */
export function runProgram(program: string, args: readonly string[], cwd: string, limitMs: number, signal: AbortSignal): Promise<Ran> {
  return new Promise((resolve) => {
    const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
    const env = { ...process.env, PATH: path, NO_COLOR: "1", FORCE_COLOR: undefined, NODE_TEST_CONTEXT: undefined, PLINTH_REGISTRY_TOKEN: undefined };
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    const take = (chunk: Buffer): void => {
      output = (output + chunk).slice(-MAX_OUTPUT);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const end = (): void => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // It has just ended.
      }
    };
    const timer = setTimeout(end, limitMs);
    signal.addEventListener("abort", end);
    const done = (ran: Omit<Ran, "output">): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve({ ...ran, output });
    };
    child.once("error", (error: NodeJS.ErrnoException) => done({ code: null, missing: error.code === "ENOENT" }));
    child.once("close", (code) => done({ code, missing: false }));
  });
}
