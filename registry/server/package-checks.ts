import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Finding } from "../scan/index.ts";
import { framesOf, headOf } from "./check-frames.ts";
import { refuse } from "./problem.ts";
import { usedBy } from "./process-usage.ts";

export interface CheckBounds {
  /** Processor time for one package, of the process and its parser together, in milliseconds. */
  cpuMs: number;
  /** How long one may take where others have the processor. */
  longestMs: number;
  /** Memory of the process and its parser together. */
  bytes: number;
  /** Packages of one publisher that wait, and of all. */
  waiting: number;
  waitingOfAll: number;
}

/** Several times what the largest honest package takes. */
export const CHECK_BOUNDS: CheckBounds = { cpuMs: 10_000, longestMs: 60_000, bytes: 1_536 * 1024 * 1024, waiting: 64, waitingOfAll: 256 };

export interface CheckedPackage {
  manifest: Manifest;
  findings: Finding[];
}

interface Job {
  tarball: Buffer;
  owner: string;
  resolve(checked: CheckedPackage): void;
  reject(error: unknown): void;
}

/** In a source checkout, and in the package of the registry. */
const PROGRAMS = ["check-process.ts", "check-process.js", "server/check-process.js"];
const checkProgram = (): string => PROGRAMS.map((path) => join(import.meta.dirname, path)).find((path) => existsSync(path)) ?? "";
const LOOK_MS = 100;
const MAX_ANSWER = 4 * 1024 * 1024;
/** A process is replaced after so many packages: what they left in it goes with it. */
const MAX_JOBS = 500;

/**
 * Checks packages in a process of their own, one at a time; publishers take turns. A package that takes more processor
 * time or memory than its bound ends that process, is refused, and costs the service nothing more.
 */
export class PackageChecks {
  readonly #bounds: CheckBounds;
  readonly #queues = new Map<string, Job[]>();
  #waiting = 0;
  #child: ChildProcess | undefined;
  #answers: AsyncGenerator<Buffer> | undefined;
  #jobs = 0;
  #busy = false;
  #closed = false;

  constructor(bounds: Partial<CheckBounds> = {}) {
    this.#bounds = { ...CHECK_BOUNDS, ...bounds };
  }

  /**
   * The checked manifest of a tarball, and what there is to say of its files.
   *
   * @param owner the publisher, for the turns.
   * @throws PLINTH_ARCHIVE_*, PLINTH_MANIFEST_*, PLINTH_PACKAGE_CHECK, PLINTH_REGISTRY_BUSY.
   */
  check(tarball: Buffer, owner: string): Promise<CheckedPackage> {
    const queue = this.#queues.get(owner) ?? [];
    if (this.#closed || queue.length >= this.#bounds.waiting || this.#waiting >= this.#bounds.waitingOfAll) throw refuse.busy();
    return new Promise((resolve, reject) => {
      queue.push({ tarball, owner, resolve, reject });
      this.#queues.set(owner, queue);
      this.#waiting++;
      void this.#work();
    });
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let job = this.#take(); job !== undefined; job = this.#take()) {
      await this.#checked(job).then(job.resolve, job.reject);
      if (++this.#jobs >= MAX_JOBS) this.#end();
    }
    this.#busy = false;
  }

  #take(): Job | undefined {
    const [owner, queue] = this.#queues.entries().next().value ?? [];
    if (owner === undefined || queue === undefined) return undefined;
    // Taken out and put back behind the others.
    this.#queues.delete(owner);
    const job = queue.shift();
    if (queue.length > 0) this.#queues.set(owner, queue);
    this.#waiting--;
    return job;
  }

  async #checked({ tarball }: Job): Promise<CheckedPackage> {
    if (this.#closed) throw refuse.busy();
    this.#child ??= this.#start();
    const child = this.#child;
    let why: PlinthError | undefined;
    const watch = this.#watch(child, (reason) => {
      why = reason;
      this.#end();
    });
    try {
      child.stdin!.write(headOf(tarball));
      child.stdin!.write(tarball);
      const { value, done } = await this.#answers!.next();
      if (done === true) throw why ?? failed("it ended the process that checks");
      return checkedOf(value);
    } catch (error) {
      if (!(error instanceof PlinthError)) {
        this.#end();
        throw why ?? failed((error as Error).message);
      }
      throw why ?? error;
    } finally {
      clearInterval(watch);
      if (child.exitCode !== null || child.signalCode !== null) this.#end();
    }
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, ["--max-old-space-size=512", checkProgram()], {
      // A group of its own, so that its parser ends with it.
      detached: true,
      env: {},
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.on("error", () => {});
    child.stdin!.on("error", () => {});
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref?(): void }).unref?.();
    this.#answers = framesOf(child.stdout!, MAX_ANSWER);
    this.#jobs = 0;
    return child;
  }

  #watch(child: ChildProcess, over: (why: PlinthError) => void): NodeJS.Timeout {
    const { cpuMs, longestMs, bytes } = this.#bounds;
    const began = Date.now();
    const before = usedBy(child.pid!);
    return setInterval(async () => {
      const [from, now] = await Promise.all([before, usedBy(child.pid!)]);
      if (now.cpuMs - from.cpuMs > cpuMs) over(failed(`it takes more than ${cpuMs / 1_000} s of processor time`));
      else if (now.bytes > bytes) over(failed(`it takes more than ${bytes / 1024 / 1024} MiB of memory`));
      else if (Date.now() - began > longestMs) over(refuse.busy());
    }, LOOK_MS);
  }

  #end(): void {
    const child = this.#child;
    this.#child = undefined;
    this.#answers = undefined;
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of it has ended already.
    }
  }
}

function checkedOf(answer: Buffer): CheckedPackage {
  const { error, ...checked } = JSON.parse(answer.toString("utf8")) as CheckedPackage & {
    error?: { code: string; message: string; next?: string; details?: unknown };
  };
  if (error === undefined) return checked;
  if (error.code === "PLINTH_PACKAGE_CHECK") throw failed(error.message);
  throw new PlinthError(error.code, error.message, { next: error.next, details: error.details });
}

function failed(why: string): PlinthError {
  return new PlinthError("PLINTH_PACKAGE_CHECK", `The package could not be checked: ${why}.`, {
    next: "Make it smaller or plainer, and publish again.",
  });
}
