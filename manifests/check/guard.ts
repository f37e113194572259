import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { PlinthError } from "../wire/error.ts";

export interface SchemaProblem {
  path: string;
  message: string;
}

interface Check {
  readonly schema: string;
  readonly value: string;
  resolve(problems: SchemaProblem[]): void;
  reject(error: PlinthError): void;
}

const DEADLINE_MS = 2_000;
const MAX_SCHEMA = 256 * 1024;
const MAX_VALUE = 4 * 1_048_576;
const MAX_DEPTH = 32;
const IDLE_MS = 60_000;
const FORBIDDEN = ["$dynamicRef", "$dynamicAnchor", "$recursiveRef"];

const workerProgram = (): string => process.env.PLINTH_SCHEMA_PROGRAM ?? join(import.meta.dirname, "guard-worker.mjs");

/**
 * Schemas from third parties are hostile input: bounded in size and depth, without dynamic references, compiled and run
 * in a worker thread that is ended when it takes too long (a pattern that backtracks, a schema that explodes).
 */
export class SchemaGuard {
  #worker: Worker | null = null;
  #starting: Promise<Worker> | null = null;
  #nextId = 1;
  #idle: NodeJS.Timeout | null = null;
  #deadline: NodeJS.Timeout | undefined;
  readonly #pending = new Map<number, Check>();

  /** [] = the value fits. Rejects with PLINTH_SCHEMA when the schema itself is not usable. */
  async validate(schema: unknown, value: unknown): Promise<SchemaProblem[]> {
    inspect(schema, 0);
    const schemaText = JSON.stringify(schema) ?? "true";
    const valueText = JSON.stringify(value) ?? "null";
    if (schemaText.length > MAX_SCHEMA) throw unusable(`it is larger than ${MAX_SCHEMA / 1024} KiB`);
    if (valueText.length > MAX_VALUE) return [{ path: "", message: `is larger than ${MAX_VALUE / 1_048_576} MiB` }];
    return new Promise((resolve, reject) => this.#run({ schema: schemaText, value: valueText, resolve, reject }));
  }

  async close(): Promise<void> {
    this.#end(unusable("the checker was stopped"));
  }

  #run(check: Check): void {
    const send = (worker: Worker): void => {
      const id = this.#nextId++;
      this.#pending.set(id, check);
      if (this.#pending.size === 1) this.#watch();
      worker.ref();
      worker.postMessage({ id, schema: check.schema, value: check.value });
    };
    if (this.#worker !== null) send(this.#worker);
    else void this.#start().then(send, (thrown: Error) => check.reject(unusable(thrown.message)));
  }

  /** Checks run one after the other: the time of the oldest one starts now. */
  #watch(): void {
    clearTimeout(this.#deadline);
    if (this.#pending.size === 0) return;
    this.#deadline = setTimeout(() => this.#failed(unusable(`checking a value took more than ${DEADLINE_MS} ms`)), DEADLINE_MS);
  }

  /** It is the oldest one that hung or crashed the thread. The others go again. */
  #failed(error: PlinthError): void {
    const [culprit, ...others] = this.#pending.values();
    this.#pending.clear();
    this.#end(error);
    culprit?.reject(error);
    for (const check of others) this.#run(check);
  }

  #start(): Promise<Worker> {
    this.#starting ??= (async () => {
      const { Worker } = await import("node:worker_threads");
      const worker = new Worker(workerProgram(), {
        env: {},
        stdin: false,
        resourceLimits: { maxOldGenerationSizeMb: 128, stackSizeMb: 2 },
      });
      worker.unref();
      worker.on("message", ({ id, problems, failed }: { id: number; problems?: SchemaProblem[]; failed?: string }) => {
        const waiting = this.#pending.get(id);
        if (waiting === undefined) return;
        this.#pending.delete(id);
        this.#watch();
        if (problems !== undefined) waiting.resolve(problems);
        else waiting.reject(unusable(failed ?? "it cannot be compiled"));
        this.#rest();
      });
      worker.on("error", (error: Error) => {
        if (this.#worker === worker) this.#failed(unusable(error.message));
      });
      worker.on("exit", () => {
        if (this.#worker === worker) this.#failed(unusable("the checker ended"));
      });
      this.#worker = worker;
      return worker;
    })().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** Nothing to do: let the process end if it wants to, and the worker after a while. */
  #rest(): void {
    if (this.#pending.size > 0) return;
    this.#worker?.unref();
    if (this.#idle !== null) this.#idle.refresh();
    else {
      this.#idle = setTimeout(() => {
        this.#idle = null;
        if (this.#pending.size === 0) this.#end(unusable("the checker was stopped"));
      }, IDLE_MS).unref();
    }
  }

  #end(error: PlinthError): void {
    const worker = this.#worker;
    this.#worker = null;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    void worker?.terminate();
    clearTimeout(this.#deadline);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
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
