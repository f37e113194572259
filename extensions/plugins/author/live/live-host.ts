import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PlinthError } from "@plinth/sdk";
import type { LiveAnswer, LiveRequest } from "./protocol.ts";

export interface LogLine {
  level: string;
  extension: string;
  message: string;
  [field: string]: unknown;
}

interface Waiting {
  item(value: unknown): void;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const START_MS = 30_000;
const ANSWER_MS = 120_000;
const GRACE_MS = 5_000;

/** A host in a process of its own, with a home that nobody else uses. */
export class LiveHost {
  readonly home: string;
  readonly #child: ChildProcess;
  readonly #temporary: boolean;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #next = 1;
  #said = "";

  private constructor(child: ChildProcess, home: string, temporary: boolean, log: (line: LogLine) => void) {
    this.#child = child;
    this.home = home;
    this.#temporary = temporary;
    this.#exited = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", () => resolve());
    });
    void this.#exited.then(() => {
      for (const { reject } of this.#waiting.values()) reject(this.#ended());
      this.#waiting.clear();
    });
    child.on("message", (message: LiveAnswer) => this.#receive(message));
    if (child.stderr) {
      createInterface({ input: child.stderr }).on("line", (text) => {
        const line = parseLog(text);
        if (line !== undefined) log(line);
        else this.#said = `${this.#said}${text}\n`.slice(-2_000);
      });
    }
  }

  /** @param home default: a temporary one, which goes with the host. */
  static async start(bin: string | undefined, options: { home?: string; log?(line: LogLine): void } = {}): Promise<LiveHost> {
    if (bin === undefined) {
      throw new PlinthError("PLINTH_BIN_MISSING", "This installation has no `plinth` program to start a host with.", {
        next: "Install Plinth again, or set PLINTH_BIN.",
      });
    }
    const home = options.home ?? (await mkdtemp(join(tmpdir(), "plinth-live-")));
    const child = spawn(process.execPath, [bin, "live-host"], {
      // A group of its own: Ctrl-C in the terminal is for whoever started it, who ends it in good order.
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // What is tried has no use for the author's own token.
      env: { ...process.env, PLINTH_REGISTRY_TOKEN: undefined, PLINTH_HOME: home, PLINTH_LOG: "debug", PLINTH_SAFE_MODE: "" },
    });
    const live = new LiveHost(child, home, options.home === undefined, options.log ?? (() => {}));
    try {
      await live.#wait(0, () => {}, START_MS);
      return live;
    } catch (error) {
      await live.stop();
      throw error;
    }
  }

  ask<T>(request: LiveRequest, item: (value: unknown) => void = () => {}): Promise<T> {
    const call = this.#next++;
    const answer = this.#wait(call, item, ANSWER_MS) as Promise<T>;
    if (this.#child.connected) this.#child.send({ call, request }, () => {});
    return answer;
  }

  /** End it, and remove what it left. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#kill(), GRACE_MS);
    await this.#exited;
    clearTimeout(late);
    if (this.#temporary) await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  #kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  #wait(call: number, item: (value: unknown) => void, ms: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return reject(this.#ended());
      const late = new PlinthError("PLINTH_DEADLINE", `The live host did not answer within ${ms / 1_000} s.`, { next: "Try again." });
      const timer = setTimeout(() => reject(late), ms);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(call);
        then();
      };
      this.#waiting.set(call, {
        item,
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
    });
  }

  #receive(message: LiveAnswer): void {
    if (message.type === "ready") return this.#waiting.get(0)?.resolve(undefined);
    const waiting = this.#waiting.get(message.call);
    if (message.type === "item") waiting?.item(message.item);
    else if (message.type === "done") waiting?.resolve(message.result);
    else {
      const { code, message: text, ...more } = message.error;
      waiting?.reject(new PlinthError(code, text, more));
    }
  }

  #ended(): PlinthError {
    return new PlinthError("PLINTH_LIVE_HOST", `The live host ended.${this.#said === "" ? "" : ` It said: ${this.#said.trim()}`}`, {
      next: "Run `plinth doctor`, and try again.",
    });
  }
}

function parseLog(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.extension === "string" && typeof line.message === "string" ? line : undefined;
  } catch {
    return undefined;
  }
}
