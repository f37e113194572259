import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "@plinth/sdk";
import { sealed } from "@plinth/sdk/tiers";
import { OutputWindow } from "./output-window.ts";

const OUTPUT_LIMIT = 64 * 1024;
const FLOOD_LIMIT = 64 * 1024 * 1024;
const TERM_MS = 2_000;
const SWEEP_MS = 2_000;

/**
 * The watcher: a process of its own that is told the command's group and then waits on a lifeline. When that ends, because
 * the command is over or because the host died in whatever way, it kills what is left: the group, and processes that moved
 * to another one but still carry the mark in their environment. It is a child of the host, so that the host reaps it.
 */
const WATCHER = `
trap '' TERM INT HUP
read -r group
read -r _
kill -s KILL -- "-$group"
for found in $(grep -lsaF "PLINTH_EXEC=$1" /proc/[0-9]*/environ); do
  found=\${found#/proc/}
  kill -s KILL "\${found%/environ}"
done
`;

export interface CommandEnd {
  /** Both streams in the order in which they came. */
  output: string;
  omitted: number;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It wrote without end. */
  flooded: boolean;
}

/** A command with everything that it starts: one process group that ends with it. */
export class RunningCommand {
  /** Settles when the command is over and nothing of it runs any more. */
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #watcher: ChildProcess;
  readonly #exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #watched: Promise<unknown>;
  readonly #closed: Promise<void>;
  #stopping: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;
  #flooded = false;

  constructor(command: string, cwd: string, env: Readonly<Record<string, string>>) {
    const mark = randomUUID();
    // Both in sessions of their own: no terminal reaches them, and the command's group is its pid.
    const watcher = spawn("/bin/sh", ["-c", WATCHER, "plinth-exec", mark], {
      cwd: "/",
      env: { PATH: env.PATH },
      detached: true,
      stdio: sealed(["pipe", "ignore", "ignore"]),
    });
    this.#watcher = watcher;
    this.#watched = new Promise((resolve) => {
      watcher.once("exit", resolve);
      watcher.once("error", resolve);
    });
    watcher.stdin?.on("error", () => {});
    const child = spawn("/bin/sh", ["-c", command], {
      cwd,
      env: { ...env, PLINTH_EXEC: mark },
      detached: true,
      stdio: sealed(["ignore", "pipe", "pipe"]),
    });
    watcher.stdin?.write(`${child.pid ?? ""}\n`);
    this.#child = child;
    this.#exited = new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", (cause) => {
        reject(
          new PlinthError("PLINTH_EXEC_FAILED", "The command could not be started.", { next: "Check that /bin/sh and the folder exist.", cause }),
        );
      });
    });
    const output = new OutputWindow(OUTPUT_LIMIT);
    const take = (chunk: Buffer): void => {
      output.push(chunk);
      if (output.total <= FLOOD_LIMIT || this.#flooded) return;
      this.#flooded = true;
      void this.stop();
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    this.#closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    this.ended = this.#finish(output);
  }

  /** End it: asked first, killed after two seconds. Resolves when nothing of it runs any more. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      if (this.#child.exitCode === null && this.#child.signalCode === null) {
        this.#signal("SIGTERM");
        const patience = new AbortController();
        // Closed, not only exited: what the shell started may need its time, too.
        await Promise.race([this.#closed, sleep(TERM_MS, undefined, { signal: patience.signal }).catch(() => {})]);
        patience.abort();
      }
      await this.#sweep();
    })();
    return this.#stopping;
  }

  async #finish(output: OutputWindow): Promise<CommandEnd> {
    const end = await this.#exited.catch(async (error) => {
      await this.#sweep();
      throw error;
    });
    await (this.#stopping ?? this.#sweep());
    // Nothing holds the pipes any more; a process that escaped every net is not waited for.
    await Promise.race([this.#closed, sleep(500, undefined, { ref: false })]);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    const { text, omitted } = output.read();
    return { output: text, omitted, ...end, flooded: this.#flooded };
  }

  /** Kill the group, then cut the lifeline and wait until the watcher has found what left the group. */
  #sweep(): Promise<void> {
    this.#sweeping ??= (async () => {
      this.#signal("SIGKILL");
      this.#watcher.stdin?.end();
      const patience = new AbortController();
      await Promise.race([this.#watched, sleep(SWEEP_MS, undefined, { signal: patience.signal }).catch(() => {})]);
      patience.abort();
      this.#watcher.kill("SIGKILL");
    })();
    return this.#sweeping;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nothing of the group is left.
    }
  }
}
