/** What an isolate may use of a processor with no call in it: on average, and at once. An open stream has that share too. */
const IDLE_SHARE = 0.2;
const IDLE_BURST_MS = 5_000;

/** A call, or a stream from one item to the next. */
export interface Metered {
  leave(): void;
  /** What it used is forgotten. */
  again(): void;
}

/** CPU time shared among what is in flight: who uses more than a call may is found at the next report. */
export class CallMeter {
  readonly #limitMs: number;
  readonly #calls = new Line();
  readonly #streams = new Line();
  #idleHasMs = IDLE_BURST_MS;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  get inFlight(): number {
    return this.#calls.size + this.#streams.size;
  }

  enter(entry: "call" | "stream" | "start"): Metered {
    return new Running(entry === "stream" ? this.#streams : this.#calls);
  }

  /** So much was used in `passedMs`. The result says what used more than it may. */
  charge(cpuMs: number, passedMs: number): string | null {
    const shareMs = passedMs * IDLE_SHARE;
    this.#idleHasMs = Math.min(IDLE_BURST_MS, this.#idleHasMs + shareMs);
    if (this.inFlight === 0) {
      this.#idleHasMs -= cpuMs;
      return this.#idleHasMs < 0 ? `between calls it used more than ${IDLE_SHARE * 100} % of a processor for a while` : null;
    }
    const eachMs = cpuMs / this.inFlight;
    this.#calls.clock += eachMs;
    this.#streams.clock += Math.max(0, eachMs - shareMs);
    const longest = Math.max(this.#calls.longest, this.#streams.longest);
    return longest > this.#limitMs ? `a call used more than ${this.#limitMs} ms of processor time` : null;
  }
}

/** In order of their beginnings, so the first is the oldest. */
class Line extends Set<Running> {
  /** Runs as the CPU time of each single one. */
  clock = 0;

  get longest(): number {
    const [oldest] = this;
    return oldest === undefined ? 0 : this.clock - oldest.begunAt;
  }
}

class Running implements Metered {
  readonly #line: Line;
  begunAt: number;

  constructor(line: Line) {
    this.#line = line;
    this.begunAt = line.clock;
    line.add(this);
  }

  leave(): void {
    this.#line.delete(this);
  }

  again(): void {
    this.#line.delete(this);
    this.begunAt = this.#line.clock;
    this.#line.add(this);
  }
}
