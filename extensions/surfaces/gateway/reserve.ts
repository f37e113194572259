import { closeSync, openSync, readFileSync } from "node:fs";

const HELD = 16;
const AGAIN_MS = 1_000;

/** Descriptors held back, to be there when the process has no other left: letting them go is what keeps it answering. */
export class Reserve {
  #held: number[] = [];
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor() {
    this.#take();
  }

  /** Give them to whoever needs them now, and take them back when there is room again. */
  release(): void {
    for (const one of this.#held.splice(0)) closeSync(one);
    if (this.#again !== undefined || this.#closed) return;
    this.#again = setTimeout(() => {
      this.#again = undefined;
      this.#take();
      if (this.#held.length < HELD) this.release();
    }, AGAIN_MS).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
    this.release();
  }

  #take(): void {
    try {
      while (this.#held.length < HELD) this.#held.push(openSync("/dev/null", "r"));
    } catch {
      // None left, or no such file: tried again, or done without.
    }
  }
}

/** How many descriptors this process may have; Infinity where the system does not say. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
