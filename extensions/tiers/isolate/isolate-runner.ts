import type { PlinthError } from "@plinth/sdk";
import { found, requireWall } from "@plinth/sdk/tiers";
import type { CallInfo, Runner, RunnerInput } from "@plinth/sdk/wire";
import type { CodeCache } from "./code-cache.ts";
import { exited, failed, Isolate, type Loss } from "./isolate.ts";
import type { IsolateHosts } from "./isolate-hosts.ts";
import { addonPath as requireAddon } from "./isolate-process.ts";

/** An extension that others end again and again is told to fail at last. */
const TRIES = 3;
/** By their contracts these work while nobody calls them. */
const LONG_RUNNING: ReadonlySet<string> = new Set(["plinth.service", "plinth.channel"]);
const IDLE = "it had nothing to do";

/**
 * An extension in isolates, one after the other: one that was idle for long is put to sleep, and one that was lost with its process
 * through no fault of its own is replaced, both at the next call. Only its own failures are told to the host as its end.
 */
export class IsolateRunner implements Runner {
  readonly ended: Promise<Error>;
  readonly #input: RunnerInput;
  readonly #hosts: IsolateHosts;
  readonly #cache: CodeCache;
  #source: Promise<string> | null = null;
  #isolate: Isolate | null = null;
  #waking: Promise<Isolate> | null = null;
  #sleeping: Promise<void> | null = null;
  #idle: NodeJS.Timeout | null = null;
  #pastCpuMs = 0;
  #pastHostMs = 0;
  #over: PlinthError | null = null;
  #onEnded!: (error: Error) => void;

  constructor(input: RunnerInput, hosts: IsolateHosts, cache: CodeCache) {
    this.#input = input;
    this.#hosts = hosts;
    this.#cache = cache;
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  async start(): Promise<void> {
    requireAddon();
    await requireWall(this.#input, await found());
    await this.#wake();
    this.#watchIdle();
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown {
    if (this.#isolate !== null) return this.#isolate.calls.invoke(contract, id, method, input, call);
    return this.#wake().then(({ calls }) => calls.invoke(contract, id, method, input, call));
  }

  async *stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    const { calls } = this.#isolate ?? (await this.#wake());
    yield* calls.stream(contract, id, method, input, call);
  }

  hook(name: string, payload: unknown, call: CallInfo): unknown {
    if (this.#isolate !== null) return this.#isolate.calls.hook(name, payload, call);
    return this.#wake().then(({ calls }) => calls.hook(name, payload, call));
  }

  configure(config: Record<string, unknown>): void {
    if (this.#isolate !== null) this.#isolate.configure(config);
    // It may have been told the old values already.
    else void this.#waking?.then((isolate) => isolate.configure(config)).catch(() => {});
  }

  async stop(reason: Error): Promise<void> {
    this.#over ??= exited(this.#input.manifest.id, reason.message);
    if (this.#idle !== null) clearInterval(this.#idle);
    const isolate = this.#isolate ?? (await this.#waking?.catch(() => null)) ?? null;
    await isolate?.stop(reason);
    await this.#sleeping;
  }

  usage(): ReturnType<NonNullable<Runner["usage"]>> {
    const { cpuMs = 0, heapBytes = 0, hostMs = 0, pid = null } = this.#isolate ?? {};
    return { cpuMs: this.#pastCpuMs + cpuMs, memoryBytes: heapBytes, pid, hostMs: this.#pastHostMs + hostMs };
  }

  #wake(): Promise<Isolate> {
    this.#waking ??= this.#begin().finally(() => {
      this.#waking = null;
    });
    return this.#waking;
  }

  async #begin(): Promise<Isolate> {
    await this.#sleeping;
    // Verified when it was read; the same bytes come back.
    this.#source ??= this.#input.source();
    const source = await this.#source;
    const cache = await this.#cache.read(source);
    for (let tries = 1; ; tries++) {
      if (this.#over !== null) throw this.#over;
      const isolate = await this.#hosts.place(this.#input, (host) => new Isolate(this.#input, host, source, cache, this.#hosts.limits));
      const loss = await isolate.start();
      if (loss === null) {
        this.#isolate = isolate;
        void isolate.lost.then((end) => this.#lost(isolate, end));
        this.#cache.keep(source, isolate.stale ? undefined : cache);
        return isolate;
      }
      this.#past(isolate);
      if (loss.part === "suspect") this.#hosts.setApart(this.#input);
      if (loss.part !== "culprit" && tries < TRIES) continue;
      const error = startError(this.#input.manifest.id, loss);
      this.#end(error);
      throw error;
    }
  }

  #lost(isolate: Isolate, { error, part }: Loss): void {
    this.#past(isolate);
    if (this.#isolate === isolate) this.#isolate = null;
    if (part === "suspect") this.#hosts.setApart(this.#input);
    if (part === "culprit") this.#end(error);
  }

  /** What it cost stays counted. */
  #past({ cpuMs, hostMs }: Isolate): void {
    this.#pastCpuMs += cpuMs;
    this.#pastHostMs += hostMs;
  }

  #end(error: PlinthError): void {
    if (this.#over !== null) return;
    this.#over = error;
    if (this.#idle !== null) clearInterval(this.#idle);
    this.#onEnded(error);
  }

  #watchIdle(): void {
    const { idleMs } = this.#hosts.limits;
    if (idleMs === 0 || (this.#input.manifest.provides ?? []).some(({ contract }) => LONG_RUNNING.has(contract))) return;
    let seen: [Isolate | null, number] = [null, -1];
    // Two looks with nothing between them are at least the whole time.
    this.#idle = setInterval(() => {
      const isolate = this.#isolate;
      if (isolate === null) return;
      const [before, entered] = seen;
      seen = [isolate, isolate.entered];
      if (before === isolate && entered === isolate.entered) void this.#sleep(isolate);
    }, idleMs).unref();
  }

  async #sleep(isolate: Isolate): Promise<void> {
    const { entered } = isolate;
    if (!(await isolate.still()) || entered !== isolate.entered || this.#isolate !== isolate) return;
    // From here on a call wakes another one, which waits until this one has ended.
    this.#isolate = null;
    this.#sleeping = isolate.stop(new Error(IDLE)).finally(() => {
      this.#sleeping = null;
    });
  }
}

/** What its code did wrong while it was loaded is not an exit: there was nothing yet. */
const startError = (extension: string, { error, part }: Loss): PlinthError =>
  part === "culprit" && error.code === "PLINTH_EXTENSION_EXITED" ? failed("PLINTH_EXTENSION_FAILED", extension, reasonOf(error)) : error;

const reasonOf = ({ message }: Error): string => /\((.*)\)\.$/s.exec(message)?.[1] ?? message;
