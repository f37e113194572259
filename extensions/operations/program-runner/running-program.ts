import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { isPlinthError, PlinthError } from "@plinth/sdk";
import { exitSignal, kill, ProcessWatch, signalInside, type Terminal } from "@plinth/sdk/tiers";
import type { Message, Reach } from "./requests.ts";

export type Item = { open: string } | { stdout: Uint8Array } | { stderr: Uint8Array } | { code: number | null; signal: string | null } | Reach;

export interface Run {
  readonly extension: string;
  /** Its name, for people. */
  readonly program: string;
  /** The wall with the program in it. */
  readonly child: ChildProcess;
  readonly terminal: Terminal | null;
  /** All that it reads; null: its input stays open. */
  readonly input: Buffer | null;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

const MEMORY_MB = 2_048;
/** Bytes of its output that wait for their reader. */
const MAX_WAITING = 256 * 1024;
/** What it asked of the network and nobody took note of yet. */
const MAX_REACHES = 16;
/** Bytes that wait to be read by it. */
const MAX_INPUT = 4 * 1_048_576;
/** What a program may be told. Nothing here reaches another process than the program. */
const SIGNALS = new Set(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGSTOP", "SIGCONT", "SIGWINCH"]);

/** One program with everything that it starts: it ends with its reader, its time, its output's bound or the host. */
export class RunningProgram {
  readonly extension: string;
  /** Its name, for people. */
  readonly program: string;
  /** Settles when nothing of it runs any more. */
  readonly closed: Promise<void>;
  readonly #run: Run;
  readonly #watch: ProcessWatch | null;
  readonly #outputs: readonly Readable[];
  readonly #input: Writable | null;
  readonly #held: Item[] = [];
  #bytes = 0;
  #waiting = 0;
  #reaches = 0;
  #told: () => void = () => {};
  #stopped = false;
  #failure: PlinthError | null = null;
  #over = false;
  #wake: (() => void) | null = null;

  constructor(run: Run) {
    const { child, terminal } = run;
    this.#run = run;
    this.extension = run.extension;
    this.program = run.program;
    this.#outputs = terminal === null ? [child.stdout as Readable, child.stderr as Readable] : [terminal.near];
    this.#input = terminal === null ? child.stdin : terminal.near;
    // It may end without having read all of it. A terminal says so too when the last program that had it is gone.
    this.#input?.on("error", () => {});
    if (run.input !== null) this.#input?.end(run.input);
    this.#outputs[0]?.on("data", (stdout: Buffer) => this.#take({ stdout }, stdout.length));
    this.#outputs[1]?.on("data", (stderr: Buffer) => this.#take({ stderr }, stderr.length));
    const timer = setTimeout(
      () => this.#fail("PLINTH_DEADLINE", `ran longer than ${run.timeoutMs} ms`, "Give it more time (timeoutMs)."),
      run.timeoutMs,
    );
    this.#watch =
      child.pid === undefined
        ? null
        : new ProcessWatch(child.pid, { memoryMb: MEMORY_MB, cpuMsPerCall: null }, (why) =>
            this.#fail("PLINTH_QUOTA", `was ended: ${why}`, "Let it do less at once."),
          );
    this.#watch?.enter("call");
    const printed = terminal === null ? Promise.resolve() : new Promise<void>((resolve) => terminal.near.once("close", () => resolve()));
    this.closed = new Promise((resolve) => {
      const ended = (): void => {
        clearTimeout(timer);
        this.#watch?.stop();
        this.#over = true;
        this.#wake?.();
        resolve();
      };
      child.once("error", (cause) => {
        this.#fail("PLINTH_EXEC_FAILED", `cannot be started (${(cause as NodeJS.ErrnoException).code})`, "Check that it is installed.");
        terminal?.near.destroy();
        ended();
      });
      child.once("close", (code, signal) => {
        void printed.then(() => {
          this.#held.push({ code, signal: exitSignal(code, signal) });
          ended();
        });
      });
    });
  }

  get child(): ChildProcess {
    return this.#run.child;
  }

  /** The wall, the program and all that it started, as far as they were looked for. */
  get pids(): readonly number[] {
    return this.#watch?.pids ?? [];
  }

  /** It ends with this; whatever ended it first is the reason. */
  fail(error: PlinthError): void {
    this.#failure ??= error;
    this.#wake?.();
    kill(this.#run.child);
  }

  async *items(signal: AbortSignal): AsyncGenerator<Item> {
    const aborted = (): void => {
      this.#failure ??= isPlinthError(signal.reason)
        ? signal.reason
        : new PlinthError("PLINTH_ABORTED", "The program was cancelled.", { extension: this.extension });
      this.#wake?.();
      kill(this.#run.child);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
    try {
      for (;;) {
        if (this.#failure !== null) throw this.#failure;
        const next = this.#held.shift();
        if (next !== undefined) {
          this.#took(next);
          yield next;
        } else if (this.#over) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }

  /** What it asks of the network, among its output. */
  async tell(reached: AsyncIterable<Reach>): Promise<void> {
    try {
      for await (const item of reached) {
        this.#held.push(item);
        this.#reaches++;
        this.#wake?.();
        while (this.#reaches >= MAX_REACHES && !this.#over && !this.#stopped)
          await new Promise<void>((resolve) => {
            this.#told = resolve;
          });
      }
    } catch (thrown) {
      if (this.#over || this.#stopped) return;
      this.#failure ??= thrown as PlinthError;
      this.#wake?.();
    }
  }

  /** Resolves when it was taken: for what is written, when there is room for the next. */
  async send(message: Message): Promise<void> {
    if (this.#over || this.#stopped) throw this.#ended("is over");
    if ("write" in message) await this.#write(Buffer.from(message.write as string));
    else if ("end" in message) {
      // A terminal's input has no end of its own: what ends it is typed.
      if (this.#run.terminal === null) this.#input?.end();
      else await this.#write(Buffer.from("\x04"));
    } else if ("signal" in message) await this.#signal(message.signal);
    else if (this.#run.terminal !== null) this.#run.terminal.resize(message.resize.columns, message.resize.rows);
    else throw this.#ended("has no terminal");
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    if (!this.#over) kill(this.#run.child);
    // It is not closed before all of its output was taken, and nobody takes that any more.
    this.#stopped = true;
    this.#told();
    for (const stream of this.#outputs) stream.resume();
    await this.closed;
  }

  #write(data: Buffer): Promise<void> {
    const input = this.#input;
    if (input === null || !input.writable) return Promise.reject(this.#ended("reads no more"));
    if (input.writableLength + data.length > MAX_INPUT)
      return Promise.reject(
        new PlinthError("PLINTH_QUOTA", `More than ${MAX_INPUT} bytes wait for ${this.#run.program}.`, {
          extension: this.extension,
          next: "Wait for each write before the next, and write less at once.",
        }),
      );
    return new Promise((resolve, reject) => {
      input.write(data, (error) => (error ? reject(this.#ended("reads no more")) : resolve()));
      // What is killed takes nothing, and says so of a terminal only when that is closed.
      void this.closed.then(() => reject(this.#ended("is over")));
    });
  }

  async #signal(name: string): Promise<void> {
    const { child, program } = this.#run;
    if (name === "SIGKILL") return kill(child);
    if (!SIGNALS.has(name))
      throw new PlinthError("PLINTH_PERMISSION", `${this.extension} may not send ${name} to ${program}.`, {
        extension: this.extension,
        next: `Send one of ${[...SIGNALS].join(", ")}, SIGKILL.`,
      });
    if (child.pid !== undefined) await signalInside(child.pid, name as NodeJS.Signals, () => this.#over || child.exitCode !== null);
  }

  #take(item: Item, size: number): void {
    if (this.#stopped) return;
    this.#bytes += size;
    if (this.#bytes > this.#run.maxBytes)
      this.#fail("PLINTH_QUOTA", `wrote more than ${this.#run.maxBytes} bytes`, "Let it write less, or raise maxBytes.");
    if (this.#failure === null) this.#held.push(item);
    this.#waiting += size;
    // What nobody reads stays with the program, which then waits.
    if (this.#waiting > MAX_WAITING) for (const stream of this.#outputs) stream.pause();
    this.#wake?.();
  }

  #took(item: Item): void {
    if ("reached" in item) {
      this.#reaches--;
      this.#told();
    }
    if (!("stdout" in item || "stderr" in item)) return;
    this.#waiting -= ("stdout" in item ? item.stdout : item.stderr).length;
    if (this.#waiting <= MAX_WAITING) for (const stream of this.#outputs) stream.resume();
  }

  #fail(code: string, why: string, next: string): void {
    this.fail(new PlinthError(code, `${this.program} ${why}.`, { extension: this.extension, next }));
  }

  #ended(how: string): PlinthError {
    return new PlinthError("PLINTH_EXEC_ENDED", `${this.#run.program} ${how}.`, { extension: this.extension, next: "Open it again." });
  }
}
