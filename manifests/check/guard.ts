import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { sha } from "../digest.ts";
import { errors } from "../errors.ts";
import { PlinthError } from "../wire/error.ts";

export interface SchemaProblem {
  path: string;
  message: string;
}

interface Check {
  readonly owner: string;
  readonly schema: string;
  readonly value: string;
  resolve(problems: SchemaProblem[]): void;
  reject(error: PlinthError): void;
}

/** Processor time for one check; and how long it may take where others have the processor. */
const CPU_MS = 500;
const LONGEST_MS = 20_000;
const LOOK_MS = 300;
/** Checks of one owner that wait for their turn. */
const MAX_WAITING = 128;
const MAX_SCHEMA = 256 * 1024;
const MAX_VALUE = 4 * 1_048_576;
const MAX_DEPTH = 32;
const IDLE_MS = 60_000;
/** How long a schema that hung is refused unseen, and how many of them are remembered. */
const REFUSED_MS = 600_000;
const MAX_REFUSED = 256;
const LATE_MS = 60_000;
const LATE = `checking a value took more than ${CPU_MS} ms`;
const FORBIDDEN = ["$dynamicRef", "$dynamicAnchor", "$recursiveRef"];

const workerProgram = (): string => process.env.PLINTH_SCHEMA_PROGRAM ?? join(import.meta.dirname, "guard-worker.mjs");

/**
 * Schemas from third parties are hostile input: bounded in size and depth, without dynamic references, compiled and run
 * in a worker thread that is ended when it takes too long (a pattern that backtracks, a schema that explodes). Owners take
 * turns, so that one with a thousand checks keeps another waiting for one of them only.
 */
export class SchemaGuard {
  #worker: Worker | null = null;
  #ready = false;
  #running: Check | null = null;
  #idle: NodeJS.Timeout | null = null;
  #deadline: NodeJS.Timeout | undefined;
  readonly #waiting = new Map<string, Check[]>();
  /** Schemas that hung, by their hash, with the time until which they are refused. */
  readonly #refused = new Map<string, number>();
  /** Who brought one that hung, and until when nothing more is checked for them. */
  readonly #late = new Map<string, number>();

  /**
   * [] = the value fits. Rejects with PLINTH_SCHEMA when the schema itself is not usable, with PLINTH_QUOTA when too many
   * checks of the same owner wait.
   */
  async validate(schema: unknown, value: unknown, owner = "host"): Promise<SchemaProblem[]> {
    inspect(schema, 0);
    const schemaText = JSON.stringify(schema) ?? "true";
    const valueText = JSON.stringify(value) ?? "null";
    if (schemaText.length > MAX_SCHEMA) throw unusable(`it is larger than ${MAX_SCHEMA / 1024} KiB`);
    if (valueText.length > MAX_VALUE) return [{ path: "", message: `is larger than ${MAX_VALUE / 1_048_576} MiB` }];
    if (this.#isRefused(schemaText)) throw unusable(`${LATE} not long ago`);
    if ((this.#late.get(owner) ?? 0) > Date.now()) throw errors.quota(owner, "schema checks, one of which took too long a minute ago");
    const queue = this.#waiting.get(owner) ?? [];
    if (queue.length >= MAX_WAITING) throw errors.quota(owner, `${MAX_WAITING} schema checks that wait`);
    return new Promise((resolve, reject) => {
      queue.push({ owner, schema: schemaText, value: valueText, resolve, reject });
      this.#waiting.set(owner, queue);
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#stop();
    const error = unusable("the checker was stopped");
    this.#running?.reject(error);
    this.#running = null;
    for (const queue of this.#waiting.values()) for (const { reject } of queue) reject(error);
    this.#waiting.clear();
  }

  #next(): void {
    if (this.#running !== null) return;
    const [owner, queue] = this.#waiting.entries().next().value ?? [];
    if (owner === undefined || queue === undefined) return this.#rest();
    // Taken out and put back behind the others.
    this.#waiting.delete(owner);
    this.#running = queue.shift() as Check;
    if (queue.length > 0) this.#waiting.set(owner, queue);
    if (this.#worker === null) this.#start().catch((thrown: Error) => this.#failed(thrown.message, false));
    else if (this.#ready) this.#send();
  }

  /** One at a time, so that its time is its own. */
  #send(): void {
    const { schema, value } = this.#running as Check;
    const worker = this.#worker as Worker;
    const check = this.#running;
    worker.ref();
    const before = worker.cpuUsage();
    worker.postMessage({ schema, value });
    const began = Date.now();
    const look = async (): Promise<void> => {
      const [{ user: from }, { user: now }] = await Promise.all([before, worker.cpuUsage()]);
      if (this.#running !== check || this.#worker !== worker) return;
      if (now - from > CPU_MS * 1_000) this.#failed(LATE, true);
      // The machine is busy: that says nothing about the schema.
      else if (Date.now() - began > LONGEST_MS) this.#failed("the checker had no time for it", false);
      else this.#watch(look);
    };
    this.#watch(look);
  }

  #watch(look: () => Promise<void>): void {
    this.#deadline = setTimeout(() => void look().catch(() => {}), LOOK_MS);
  }

  async #start(): Promise<void> {
    const { Worker } = await import("node:worker_threads");
    const worker = new Worker(workerProgram(), {
      env: {},
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 128, stackSizeMb: 2 },
    });
    this.#worker = worker;
    worker.on("message", ({ ready, problems, failed }: { ready?: true; problems?: SchemaProblem[]; failed?: string }) => {
      if (this.#worker !== worker) return;
      if (ready) {
        this.#ready = true;
        if (this.#running !== null) this.#send();
        return;
      }
      const check = this.#done();
      if (problems !== undefined) check?.resolve(problems);
      else check?.reject(unusable(failed ?? "it cannot be compiled"));
      this.#next();
    });
    worker.on("error", (error: Error) => this.#worker === worker && this.#failed(error.message, this.#ready));
    worker.on("exit", () => this.#worker === worker && this.#failed("the checker ended", this.#ready));
  }

  /** What ran hung or crashed the thread, and would do so again. */
  #failed(why: string, remember: boolean): void {
    this.#stop();
    const check = this.#done();
    const error = unusable(why);
    if (check !== undefined && remember) this.#refuse(check);
    check?.reject(error);
    this.#next();
  }

  #done(): Check | undefined {
    clearTimeout(this.#deadline);
    const check = this.#running ?? undefined;
    this.#running = null;
    return check;
  }

  #refuse({ schema, owner: culprit }: Check): void {
    // The product checks in others' names: not its doing.
    if (culprit !== "host" && !culprit.startsWith("plinth.")) {
      this.#late.set(culprit, Date.now() + LATE_MS);
      for (const { reject } of this.#waiting.get(culprit) ?? []) reject(unusable(LATE));
      this.#waiting.delete(culprit);
    }
    if (this.#refused.size >= MAX_REFUSED) this.#refused.delete(this.#refused.keys().next().value as string);
    this.#refused.set(sha("sha256", schema), Date.now() + REFUSED_MS);
    for (const [owner, queue] of this.#waiting) {
      const [same, others] = [queue.filter((one) => one.schema === schema), queue.filter((one) => one.schema !== schema)];
      for (const { reject } of same) reject(unusable(LATE));
      if (others.length === 0) this.#waiting.delete(owner);
      else this.#waiting.set(owner, others);
    }
  }

  #isRefused(schema: string): boolean {
    if (this.#refused.size === 0) return false;
    const hash = sha("sha256", schema);
    const until = this.#refused.get(hash);
    if (until !== undefined && until <= Date.now()) this.#refused.delete(hash);
    return this.#refused.has(hash);
  }

  /** Nothing to do: let the process end if it wants to, and the worker after a while. */
  #rest(): void {
    this.#worker?.unref();
    if (this.#idle !== null) this.#idle.refresh();
    else {
      this.#idle = setTimeout(() => {
        this.#idle = null;
        if (this.#running === null) this.#stop();
      }, IDLE_MS).unref();
    }
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#ready = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    clearTimeout(this.#deadline);
    void worker?.terminate();
  }
}

function inspect(schema: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw unusable(`it is nested deeper than ${MAX_DEPTH}`);
  if (schema === null || typeof schema !== "object") return;
  for (const [key, value] of Object.entries(schema)) {
    if (FORBIDDEN.includes(key)) throw unusable(`it uses ${key}`);
    if (key === "$ref" && (typeof value !== "string" || !value.startsWith("#"))) throw unusable("it refers to something outside itself");
    inspect(value, depth + 1);
  }
}

const unusable = (why: string): PlinthError =>
  new PlinthError("PLINTH_SCHEMA", `The schema is not usable: ${why}.`, { next: "Correct the schema in the manifest." });
