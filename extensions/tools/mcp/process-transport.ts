import { type ChildProcess, spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { PlinthError } from "@plinth/sdk";
import { sealed } from "@plinth/sdk/tiers";

export interface Program {
  command: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
}

const LONGEST_LINE = 16 * 1_048_576;
const LAST_WORDS = 2_000;
const PATIENCE_MS = 2_000;

/** A server as a program: a process group of its own, one JSON message a line. It ends with whoever holds it. */
export class ProcessTransport implements Transport {
  readonly #program: Program;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #words = "";
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  constructor(program: Program) {
    this.#program = program;
  }

  /** The end of what it wrote on its error stream, for people. */
  get lastWords(): string {
    return this.#words.trim();
  }

  async start(): Promise<void> {
    const { command, args, cwd, env } = this.#program;
    const child = spawn(command, [...args], { cwd, env: { ...env }, detached: true, stdio: sealed(["pipe", "pipe", "pipe"]) });
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once("close", () => {
        this.#signal("SIGKILL");
        resolve();
        this.onclose?.();
      });
    });
    // What it started may hold the pipes: with the program itself, all of its group ends.
    child.once("exit", () => this.#signal("SIGKILL"));
    child.stdin?.on("error", () => {});
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#words = (this.#words + chunk.toString()).slice(-LAST_WORDS);
    });
    this.#read(child);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => {
        reject(
          new PlinthError("PLINTH_TOOL_SOURCE", `${command} could not be started: ${cause.message}.`, { next: "Check its command line.", cause }),
        );
      });
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const { stdin } = this.#child ?? {};
    if (stdin?.writable !== true)
      throw new PlinthError("PLINTH_TOOL_SOURCE", `${this.#program.command} does not run any more.`, { next: "Try again." });
    await new Promise<void>((resolve, reject) => stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve())));
  }

  /** Its input ends, which means that it is to end; then it is asked, then killed. Resolves when nothing of it runs. */
  async close(): Promise<void> {
    this.#child?.stdin?.end();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (await this.#within(PATIENCE_MS / 2)) return;
      this.#signal(signal);
    }
    await this.#within(PATIENCE_MS);
  }

  #read(child: ChildProcess): void {
    const decoder = new StringDecoder("utf8");
    let begun: string[] = [];
    let size = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      const [first = "", ...others] = decoder.write(chunk).split("\n");
      begun.push(first);
      size += first.length;
      if (size > LONGEST_LINE) {
        this.onerror?.(new Error("It wrote a line that does not end."));
        child.stdout?.destroy();
        return this.#signal("SIGKILL");
      }
      const rest = others.pop();
      if (rest === undefined) return;
      for (const line of [begun.join(""), ...others]) this.#take(line);
      begun = [rest];
      size = rest.length;
    });
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    try {
      this.onmessage?.(JSON.parse(line) as JSONRPCMessage);
    } catch (error) {
      this.onerror?.(error as Error);
    }
  }

  async #within(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const over = await Promise.race([this.#gone.then(() => true), late]);
    clearTimeout(timer);
    return over;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child ?? {};
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nothing of the group is left.
    }
  }
}
