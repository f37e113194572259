import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { PlinthError } from "../wire/error.ts";
import type { Answer } from "./serve.ts";

/** What is done with strangers' data in the room. */
export interface Job {
  /** One of the program's tasks. */
  readonly task: string;
  /** Whatever can be cloned; shared buffers are not copied. */
  readonly input: unknown;
  /** Whose data it is: owners take turns. */
  readonly owner: string;
  /** Begins a sentence and names whose data it is, such as `The index of acme.weather of the registry sample`. */
  readonly about: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Bounds {
  /** Processor time of one job. */
  readonly cpuMs: number;
  /** How long one may take where others have the processor. */
  readonly longestMs: number;
  readonly heapMb: number;
  /** Jobs of one owner that wait for their turn. */
  readonly waiting: number;
}

interface Waiting extends Job {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

const LOOK_MS = 300;
const IDLE_MS = 60_000;
const TOLD_MS = 1_000;
/** Beside the host's own file, beside an extension's, in the registry's package, and in a source checkout. */
const PLACES = [
  "../strangers/program.mjs",
  "../../strangers/program.mjs",
  "strangers/program.js",
  "../strangers/program.js",
  "../../registry/strangers/program.ts",
];

let found: string | undefined;
function productProgram(): string {
  found ??= PLACES.map((path) => join(import.meta.dirname, path)).find((path) => existsSync(path));
  if (found === undefined) throw new Error("the program for strangers' data is missing");
  return found;
}

/**
 * Where data of strangers is parsed, checked, searched and unpacked: one worker thread, one job at a time, so that a
 * job's time is its own. A job that uses more processor time or memory than its bound is ended with the thread, and so
 * is one whose signal aborts. Owners take turns: one with a hundred jobs keeps another waiting for one of them only.
 */
export class Room {
  /** Where something is told of jobs that take longer than a second. */
  readonly progress = new AsyncLocalStorage<(told: string) => void>();
  readonly #bounds: Bounds;
  readonly #program: string | undefined;
  #worker: Worker | null = null;
  #ready = false;
  #running: Waiting | null = null;
  #idle: NodeJS.Timeout | null = null;
  #look: NodeJS.Timeout | undefined;
  readonly #waiting = new Map<string, Waiting[]>();

  /** @param program path of another thread than the product's, for tests of the room itself. */
  constructor(bounds: Bounds, program?: string) {
    this.#bounds = bounds;
    this.#program = program;
  }

  /**
   * @throws PLINTH_DATA_TIME, PLINTH_DATA_MEMORY and PLINTH_DATA_FAILED, which say whose data it was; PLINTH_DATA_BUSY
   * when too many jobs of the same owner wait; the signal's reason; and what the task throws.
   */
  async run<T>(job: Job): Promise<T> {
    const { signal, owner } = job;
    signal?.throwIfAborted();
    const queue = this.#waiting.get(owner) ?? [];
    if (queue.length >= this.#bounds.waiting) throw busy(job, this.#bounds);
    const tell = this.progress.getStore();
    const began = Date.now();
    const telling = tell && setInterval(() => tell(`${job.about} is being looked at: ${Math.round((Date.now() - began) / 1_000)} s …`), TOLD_MS);
    let waiting: Waiting | undefined;
    const cancel = (): void => this.#cancel(waiting as Waiting, signal?.reason);
    try {
      return await new Promise<T>((resolve, reject) => {
        waiting = { ...job, resolve: resolve as Waiting["resolve"], reject };
        queue.push(waiting);
        this.#waiting.set(owner, queue);
        signal?.addEventListener("abort", cancel, { once: true });
        this.#next();
      });
    } finally {
      clearInterval(telling);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** End the thread once nothing is done or waits; it starts again by itself. */
  rest(): void {
    if (this.#running === null && this.#waiting.size === 0) this.#stop();
  }

  #next(): void {
    if (this.#running !== null) return;
    const [owner, queue] = this.#waiting.entries().next().value ?? [];
    if (owner === undefined || queue === undefined) return this.#idleSoon();
    // Taken out and put back behind the others.
    this.#waiting.delete(owner);
    this.#running = queue.shift() as Waiting;
    if (queue.length > 0) this.#waiting.set(owner, queue);
    try {
      if (this.#worker === null) this.#start();
      else if (this.#ready) this.#send();
    } catch (thrown) {
      this.#fail((job) => failed(job, (thrown as Error).message));
    }
  }

  #send(): void {
    const job = this.#running as Waiting;
    const worker = this.#worker as Worker;
    const { cpuMs, longestMs } = this.#bounds;
    worker.ref();
    const before = worker.cpuUsage();
    try {
      worker.postMessage({ task: job.task, input: job.input });
    } catch (thrown) {
      this.#done()?.reject(failed(job, (thrown as Error).message));
      this.#next();
      return;
    }
    const began = Date.now();
    const look = async (): Promise<void> => {
      const [from, now] = await Promise.all([before, worker.cpuUsage()]);
      if (this.#running !== job || this.#worker !== worker) return;
      const used = (now.user + now.system - from.user - from.system) / 1_000;
      if (used > cpuMs) this.#fail((one) => tooLong(one, cpuMs));
      // The machine is busy: that says nothing about the data.
      else if (Date.now() - began > longestMs) this.#fail((one) => failed(one, "the machine had no time for it"));
      else this.#watch(look);
    };
    this.#watch(look);
  }

  #watch(look: () => Promise<void>): void {
    this.#look = setTimeout(() => void look().catch(() => {}), Math.min(LOOK_MS, this.#bounds.cpuMs));
  }

  #start(): void {
    // Loaded when it is needed, and at once: between two ticks somebody could start a second thread.
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const worker = new Worker(this.#program ?? productProgram(), {
      env: {},
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: this.#bounds.heapMb, stackSizeMb: 2 },
    });
    this.#worker = worker;
    worker.on("message", (answer: Answer) => {
      if (this.#worker !== worker) return;
      if ("ready" in answer) {
        this.#ready = true;
        if (this.#running !== null) this.#send();
        return;
      }
      const job = this.#done();
      if (job !== undefined) settle(job, answer);
      this.#next();
    });
    worker.on("error", (thrown) => {
      const { code, message } = thrown as Error & { code?: string };
      if (this.#worker === worker) this.#fail((job) => (code === "ERR_WORKER_OUT_OF_MEMORY" ? tooMuch(job, this.#bounds) : failed(job, message)));
    });
    worker.on("exit", () => this.#worker === worker && this.#fail((job) => failed(job, "the thread ended")));
  }

  #cancel(job: Waiting, reason: unknown): void {
    if (this.#running === job) return this.#fail(() => reason);
    const rest = (this.#waiting.get(job.owner) ?? []).filter((one) => one !== job);
    if (rest.length === 0) this.#waiting.delete(job.owner);
    else this.#waiting.set(job.owner, rest);
    job.reject(reason);
  }

  /** What runs hung or crashed the thread, or nobody waits for it any more. */
  #fail(why: (job: Job) => unknown): void {
    this.#stop();
    const job = this.#done();
    job?.reject(why(job));
    // A hundred jobs that are given up one after the other start one thread, not a hundred.
    queueMicrotask(() => this.#next());
  }

  #done(): Waiting | undefined {
    clearTimeout(this.#look);
    const job = this.#running ?? undefined;
    this.#running = null;
    return job;
  }

  /** Nothing to do: let the process end if it wants to, and the thread after a while. */
  #idleSoon(): void {
    this.#worker?.unref();
    if (this.#idle !== null) this.#idle.refresh();
    else this.#idle = setTimeout(() => this.rest(), IDLE_MS).unref();
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#ready = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    clearTimeout(this.#look);
    void worker?.terminate();
  }
}

function settle({ about, resolve, reject }: Waiting, answer: Exclude<Answer, { ready: true }>): void {
  if ("value" in answer) return resolve(answer.value);
  const { code, message, next, details } = answer.error;
  if (code === undefined) return reject(failed({ about }, message));
  reject(new PlinthError(code, message, { next, details }));
}

type About = Pick<Job, "about">;

const ASK = "Do not use it as it is; tell whoever it comes from.";

const tooLong = ({ about }: About, cpuMs: number): PlinthError =>
  new PlinthError("PLINTH_DATA_TIME", `${about} took more than ${cpuMs / 1_000} s of processor time and was given up.`, { next: ASK });

const tooMuch = ({ about }: About, { heapMb }: Bounds): PlinthError =>
  new PlinthError("PLINTH_DATA_MEMORY", `${about} took more than ${heapMb} MiB of memory and was given up.`, { next: ASK });

const failed = ({ about }: About, why: string): PlinthError =>
  new PlinthError("PLINTH_DATA_FAILED", `${about} could not be looked at: ${why.slice(0, 300)}.`, {
    next: "Try again; when it stays so, tell whoever it comes from.",
  });

const busy = ({ about }: About, { waiting }: Bounds): PlinthError =>
  new PlinthError("PLINTH_DATA_BUSY", `${about} was not looked at: ${waiting} others of the same origin wait already.`, { next: "Try again later." });
