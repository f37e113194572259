import { ProcessTree } from "./process-tree.ts";
import type { Entry, Visit } from "./visit.ts";

const BUSY_MS = 50;
const IDLE_MS = 500;
/** So much of it without a pause, and it is asked whether it still reacts. */
const RESTLESS_MS = 400;
/** What a process may use of a processor with no call in it: on average, and at once. */
const IDLE = { share: 0.2, burstMs: 3_000 };

export interface WatchLimits {
  readonly memoryMb: number;
  /** CPU time for each call; null = whatever its deadline allows. */
  readonly cpuMsPerCall: number | null;
  readonly idle?: typeof IDLE;
}

/**
 * Ends a process that takes more memory or CPU time than it may. V8's heap limit does not count buffers and WebAssembly;
 * the system does. It looks as long as the process lives, because timers run between calls, but seldom while nothing happens.
 *
 * CPU time is paid by calls: each brings what it may use and takes with it what is left. What runs with no call in the
 * process pays from a small share of a processor; open streams bring that share too.
 */
export class ProcessWatch {
  readonly #tree: ProcessTree;
  readonly #limits: WatchLimits;
  readonly #onOver: (why: string) => void;
  readonly #onSuspect: () => void;
  #restlessMs = 0;
  readonly #inside: Record<Entry, number> = { start: 0, call: 0, stream: 0 };
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #waitsMs = 0;
  #lookedAt = performance.now();
  #entered = 0;
  #usedMs = 0;
  #paidMs = 0;
  #memoryBytes = 0;
  #ready = false;
  #callsHaveMs = 0;
  readonly #idle: typeof IDLE;
  #idleHasMs: number;

  /** @param onSuspect it is busy though nothing was asked of it: see whether it still reacts. */
  constructor(pid: number, limits: WatchLimits, onOver: (why: string) => void, onSuspect: () => void = () => {}) {
    this.#tree = new ProcessTree(pid);
    this.#limits = limits;
    this.#idle = limits.idle ?? IDLE;
    this.#idleHasMs = this.#idle.burstMs;
    this.#onOver = onOver;
    this.#onSuspect = onSuspect;
    this.#wait(IDLE_MS);
  }

  /** Something goes in; the result is told when it has come back, and of each item of a stream. */
  enter(entry: Entry): Visit {
    this.#inside[entry]++;
    if (entry !== "start") this.#entered++;
    if (this.#waitsMs > BUSY_MS) this.#wait(BUSY_MS);
    return { leave: () => void this.#inside[entry]--, again: () => void this.#entered++ };
  }

  usage(): { cpuMs: number; memoryBytes: number; pid: number } {
    if (!this.#stopped) this.#read();
    return { cpuMs: this.#usedMs, memoryBytes: this.#memoryBytes, pid: this.#tree.innermost };
  }

  /** The process inside all walls, as far as it was looked for. */
  get innermost(): number {
    return this.#tree.innermost;
  }

  /** It and all that it started, as far as they were looked for. */
  get pids(): readonly number[] {
    return this.#tree.pids;
  }

  /** What it used so far stays known. */
  stop(): void {
    this.#stopped = true;
    this.#memoryBytes = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waitsMs = ms;
    this.#timer = setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    this.#read();
    const now = performance.now();
    const [burntMs, passedMs] = [this.#usedMs - this.#paidMs, now - this.#lookedAt];
    const { start, call, stream } = this.#inside;
    const busy = start + call + stream + this.#entered > 0;
    const why = this.#overMemory() ?? (busy ? this.#overCalls(burntMs, passedMs) : this.#overIdle(burntMs, passedMs));
    this.#paidMs = this.#usedMs;
    this.#lookedAt = now;
    this.#entered = 0;
    if (why === null) return this.#wait(busy || burntMs > 0 || this.#ready ? BUSY_MS : IDLE_MS);
    this.stop();
    this.#onOver(why);
  }

  #read(): void {
    const { cpuMs, memoryBytes, ready } = this.#tree.look();
    this.#ready = ready;
    this.#usedMs = Math.max(this.#usedMs, cpuMs);
    this.#memoryBytes = memoryBytes;
  }

  #overMemory(): string | null {
    const { memoryMb } = this.#limits;
    return this.#memoryBytes > memoryMb * 1024 ** 2 ? `it took more memory than ${memoryMb} MiB` : null;
  }

  #overCalls(burntMs: number, passedMs: number): string | null {
    const { cpuMsPerCall } = this.#limits;
    const { start, call, stream } = this.#inside;
    if (cpuMsPerCall === null || start > 0) return null;
    // Also what ran before the first call came in, since the last look.
    const share = stream > 0 || this.#waitsMs > BUSY_MS || passedMs > 2 * BUSY_MS ? passedMs * this.#idle.share : 0;
    this.#callsHaveMs += this.#entered * cpuMsPerCall + share - burntMs;
    if (this.#callsHaveMs < 0) return `its calls took more CPU time than budgets.cpuMsPerCall allows, ${cpuMsPerCall} ms each`;
    // What a call did not use is not for the next one.
    this.#callsHaveMs = Math.min(this.#callsHaveMs, (call + stream) * cpuMsPerCall);
    return null;
  }

  #overIdle(burntMs: number, passedMs: number): string | null {
    this.#callsHaveMs = 0;
    // Also where the machine is too busy to let it have its share: who waits for a processor does not rest.
    this.#restlessMs = burntMs === 0 && !this.#ready ? 0 : this.#restlessMs + burntMs;
    if (this.#restlessMs > RESTLESS_MS) {
      this.#restlessMs = 0;
      this.#onSuspect();
    }
    const { share, burstMs } = this.#idle;
    this.#idleHasMs = Math.min(burstMs, this.#idleHasMs + passedMs * share) - burntMs;
    return this.#idleHasMs < 0 ? `between calls it took more CPU time than ${share * 100} % of a processor for a while` : null;
  }
}
