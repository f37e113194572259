import { closeSync, openSync, readFileSync } from "node:fs";

const HELD = 16;
const LOOK_MS = 500;

/**
 * Descriptors held back, to be there when the process has no other left. Node closes a connection for which there is none
 * without telling anybody, so this looks for itself whether there still is one.
 */
export class Reserve {
  readonly #onNone: () => void;
  readonly #look: NodeJS.Timeout;
  #held: number[] = [];

  /** @param onNone is told, each half second, that there was no other left. */
  constructor(onNone: () => void) {
    this.#onNone = onNone;
    this.#hold();
    this.#look = setInterval(() => this.#check(), LOOK_MS).unref();
  }

  /** Give them to whoever needs them now; they are taken back when there is ample room again. */
  release(): void {
    for (const one of this.#held.splice(0)) closeSync(one);
  }

  close(): void {
    clearInterval(this.#look);
    this.release();
  }

  #check(): void {
    if (this.#held.length === 0) return this.#hold();
    const [one] = open(1);
    if (one !== undefined) return closeSync(one);
    this.release();
    this.#onNone();
  }

  #hold(): void {
    const found = open(2 * HELD);
    const ample = found.length === 2 * HELD;
    for (const one of found.splice(ample ? HELD : 0)) closeSync(one);
    this.#held = found;
    if (!ample) this.#onNone();
  }
}

function open(count: number): number[] {
  const found: number[] = [];
  try {
    while (found.length < count) found.push(openSync("/dev/null", "r"));
  } catch {
    // None left.
  }
  return found;
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
