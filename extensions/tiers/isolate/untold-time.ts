/** What runs is told of after a turn, and a turn may take two seconds. */
const LAG_MS = 3_000;
/** The process's own work for what it tells of: to collect garbage, to compile, to write frames. */
const OWN_SHARE = 2;
/** What it costs to take a frame in, and its bytes. */
const FRAME_MS = 1;
const BYTES_A_MS = 20_000;
/** Beyond all that, as much as an isolate may use with no call in it: on average, and at once. */
export const FREE = { share: 0.2, burstMs: 5_000 };

/** What a process says that its isolates used, and what the host put into it. */
export interface Told {
  readonly cpuMs: number;
  readonly frames: number;
  readonly bytes: number;
}

/**
 * Compares the processor time that the system saw with what a process of isolates tells. Who took over the process can say
 * what he likes, but not what the system says: time that nothing explains is his.
 */
export class UntoldTime {
  readonly #seen: { at: number; cpuMs: number }[] = [];
  #at: number | null = null;
  #untoldMs = 0;
  readonly #free: typeof FREE;
  #hasMs: number;

  constructor(free: typeof FREE = FREE) {
    this.#free = free;
    this.#hasMs = free.burstMs;
  }

  /** Called now and then. @returns whether it used more than can be explained. */
  isTooMuch(cpuMs: number, told: Told, now = performance.now()): boolean {
    this.#seen.push({ at: now, cpuMs });
    while ((this.#seen[1]?.at ?? now) <= now - LAG_MS) this.#seen.shift();
    const settled = this.#seen[0] as { at: number; cpuMs: number };
    const explainedMs = told.cpuMs * OWN_SHARE + told.frames * FRAME_MS + told.bytes / BYTES_A_MS;
    const untoldMs = settled.cpuMs - explainedMs;
    // Before the first look it started and compiled.
    const passedMs = this.#at === null ? 0 : now - this.#at;
    const moreMs = this.#at === null ? 0 : untoldMs - this.#untoldMs;
    this.#hasMs = Math.min(this.#free.burstMs, this.#hasMs + passedMs * this.#free.share - moreMs);
    this.#at = now;
    this.#untoldMs = untoldMs;
    return this.#hasMs < 0;
  }
}
