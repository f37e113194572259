import { readFileSync } from "node:fs";
import { hiddenKb } from "./hidden-memory.ts";
import { Precedence } from "./precedence.ts";

/** Clock ticks of the system's statistics: 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;
/** Who belongs to a tree changes rarely, so it is asked less often than what they use. */
const LOOKS_PER_LISTING = 8;
/** Over less time, ticks say nothing of a share. */
const SHARE_MS = 40;

export interface Used {
  /** User and system time since it began; never falls, also when a part of the tree ends. */
  readonly cpuMs: number;
  /** Resident and swapped out, and what of shared memory is neither because nobody has it mapped just now. */
  readonly memoryBytes: number;
  /** One of them runs, or waits for nothing but a processor. */
  readonly ready: boolean;
}

/** A launched process with its descendants: what they use, nothing where the system does not tell; who uses much goes last. */
export class ProcessTree {
  readonly #root: number;
  readonly #cpuMs = new Map<number, number>();
  readonly #precedence: Precedence;
  #share = { at: performance.now(), cpuMs: 0 };
  #pids: number[] = [];
  #hiddenKb: ReadonlyMap<number, number> = new Map();
  #looks = 0;
  #endedMs = 0;

  constructor(root: number) {
    this.#root = root;
    this.#precedence = new Precedence(root);
  }

  /** All of them, as far as they were looked for. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  /** The innermost process, of several the youngest: walls start what they hold last. */
  get innermost(): number {
    return this.#pids.at(-1) ?? this.#root;
  }

  look(): Used {
    if (this.#looks++ % LOOKS_PER_LISTING === 0) this.#list();
    let [memoryKb, ready] = [0, false];
    for (const pid of this.#pids) {
      for (const [, amount] of read(`/proc/${pid}/status`).matchAll(/^Vm(?:RSS|Swap):\s+(\d+) kB$/gm)) memoryKb += Number(amount);
      memoryKb += this.#hiddenKb.get(pid) ?? 0;
      const now = stateOf(pid);
      if (now === null) continue;
      ready ||= now.ready;
      this.#cpuMs.set(pid, Math.max(now.cpuMs, this.#cpuMs.get(pid) ?? 0));
    }
    const used = [...this.#cpuMs.values()].reduce((sum, ms) => sum + ms, this.#endedMs);
    const { at, cpuMs: before } = this.#share;
    const now = performance.now();
    if (now - at >= SHARE_MS) {
      this.#precedence.used((used - before) / (now - at));
      this.#share = { at: now, cpuMs: used };
    }
    return { cpuMs: used, memoryBytes: memoryKb * 1024, ready };
  }

  #list(): void {
    const pids: number[] = [];
    const open = [this.#root];
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      pids.push(next);
      for (const child of read(`/proc/${next}/task/${next}/children`).split(" ")) if (child.trim() !== "") open.push(Number(child));
    }
    // What an ended process used stays used.
    for (const [pid, ms] of this.#cpuMs) {
      if (pids.includes(pid)) continue;
      this.#endedMs += ms;
      this.#cpuMs.delete(pid);
    }
    this.#pids = pids;
    this.#hiddenKb = hiddenKb(pids);
  }
}

/** User and system time of one process, and whether it would run; null when it is not there. */
function stateOf(pid: number): { cpuMs: number; ready: boolean } | null {
  const stat = read(`/proc/${pid}/stat`);
  // The name in brackets may hold anything; after it come the state and numbers. Fields 14 and 15 of the whole line.
  const [, ...fields] = stat.slice(stat.lastIndexOf(")") + 1).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? { cpuMs: ticks * TICK_MS, ready: fields[0] === "R" } : null;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended meanwhile, or this system has no such file.
    return "";
  }
}
