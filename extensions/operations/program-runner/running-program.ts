import type { ChildProcess } from "node:child_process";
import { isPlinthError, PlinthError } from "@plinth/sdk";
import { kill, ProcessWatch } from "@plinth/sdk/tiers";

export type Item = { stdout: Uint8Array } | { stderr: Uint8Array } | { code: number | null; signal: string | null };

export interface Run {
  readonly extension: string;
  /** Its name, for people. */
  readonly program: string;
  /** Starts the wall with the program in it. */
  start(): ChildProcess;
  readonly input: Buffer | null;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

const MEMORY_MB = 2_048;
/** Bytes of its output that wait for their reader. */
const MAX_WAITING = 256 * 1024;

/** One program with everything that it starts: it ends with its reader, its time, its output's bound or the host. */
export class RunningProgram {
  readonly #run: Run;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #held: Item[] = [];
  #bytes = 0;
  #waiting = 0;
  #stopped = false;
  #failure: PlinthError | null = null;
  #over = false;
  #wake: (() => void) | null = null;

  constructor(run: Run) {
    this.#run = run;
    const child = run.start();
    this.#child = child;
    // It may end without having read all of it.
    child.stdin?.on("error", () => {});
    child.stdin?.end(run.input ?? undefined);
    child.stdout?.on("data", (stdout: Buffer) => this.#take({ stdout }, stdout.length));
    child.stderr?.on("data", (stderr: Buffer) => this.#take({ stderr }, stderr.length));
    const timer = setTimeout(
      () => this.#fail("PLINTH_DEADLINE", `ran longer than ${run.timeoutMs} ms`, "Give it more time (timeoutMs)."),
      run.timeoutMs,
    );
    const watch =
      child.pid === undefined
        ? null
        : new ProcessWatch(child.pid, { memoryMb: MEMORY_MB, cpuMsPerCall: null }, (why) =>
            this.#fail("PLINTH_QUOTA", `was ended: ${why}`, "Let it do less at once."),
          );
    watch?.enter("call");
    this.#closed = new Promise((resolve) => {
      const ended = (): void => {
        clearTimeout(timer);
        watch?.stop();
        this.#over = true;
        this.#wake?.();
        resolve();
      };
      child.once("error", (cause) => {
        this.#fail("PLINTH_EXEC_FAILED", `cannot be started (${(cause as NodeJS.ErrnoException).code})`, "Check that it is installed.");
        ended();
      });
      child.once("close", (code, signal) => {
        this.#held.push({ code, signal });
        ended();
      });
    });
  }

  async *items(signal: AbortSignal): AsyncGenerator<Item> {
    const aborted = (): void => {
      this.#failure ??= isPlinthError(signal.reason)
        ? signal.reason
        : new PlinthError("PLINTH_ABORTED", "The program was cancelled.", { extension: this.#run.extension });
      kill(this.#child);
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

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    if (!this.#over) kill(this.#child);
    // It is not closed before all of its output was taken, and nobody takes that any more.
    this.#stopped = true;
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.resume();
    await this.#closed;
  }

  #take(item: Item, size: number): void {
    if (this.#stopped) return;
    this.#bytes += size;
    if (this.#bytes > this.#run.maxBytes)
      this.#fail("PLINTH_QUOTA", `wrote more than ${this.#run.maxBytes} bytes`, "Let it write less, or raise maxBytes.");
    if (this.#failure === null) this.#held.push(item);
    this.#waiting += size;
    // What nobody reads stays with the program, which then waits.
    if (this.#waiting > MAX_WAITING) for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.pause();
    this.#wake?.();
  }

  #took(item: Item): void {
    if ("code" in item) return;
    this.#waiting -= ("stdout" in item ? item.stdout : item.stderr).length;
    if (this.#waiting <= MAX_WAITING) for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.resume();
  }

  #fail(code: string, why: string, next: string): void {
    const { extension, program } = this.#run;
    this.#failure ??= new PlinthError(code, `${program} ${why}.`, { extension, next });
    this.#wake?.();
    kill(this.#child);
  }
}
