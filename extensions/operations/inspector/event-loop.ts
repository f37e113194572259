import { monitorEventLoopDelay } from "node:perf_hooks";

const WINDOW_MS = 1_000;
const STILL_ASKED_MS = 10_000;
const RESOLUTION_MS = 10;

export interface Delay {
  meanMs: number;
  p99Ms: number;
  maxMs: number;
}

/** How late the host's timers are. It measures only while somebody asks: measuring is a timer of its own. */
export class EventLoop {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | null = null;
  #last: Delay = { meanMs: 0, p99Ms: 0, maxMs: 0 };
  #began = 0;
  #idle: NodeJS.Timeout | undefined;

  /** Of the last whole second; zero until one was measured. Several may ask without disturbing each other. */
  lately(): Delay {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), STILL_ASKED_MS).unref();
    if (this.#histogram === null) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      this.#began = performance.now();
    } else if (performance.now() - this.#began >= WINDOW_MS * 0.9) {
      const { mean, max } = this.#histogram;
      this.#last = { meanMs: late(mean), p99Ms: late(this.#histogram.percentile(99)), maxMs: late(max) };
      this.#histogram.reset();
      this.#began = performance.now();
    }
    return this.#last;
  }

  stop(): void {
    clearTimeout(this.#idle);
    this.#histogram?.disable();
    this.#histogram = null;
    this.#last = { meanMs: 0, p99Ms: 0, maxMs: 0 };
  }
}

/** The histogram holds whole intervals in nanoseconds, the resolution included. */
function late(nanoseconds: number): number {
  const ms = Number.isFinite(nanoseconds) ? nanoseconds / 1e6 - RESOLUTION_MS : 0;
  return Math.round(Math.max(0, ms) * 100) / 100;
}
