import { errors } from "../errors.ts";
import type { Manifest } from "../schema/extension.ts";
import type { PlinthError } from "./error.ts";

const WINDOW_MS = 60_000;
const LOOK_MS = 1_000;
/** Of what is not of the product and states no number of its own. */
const AT_ONCE = 1_000;
const CPU_MS_PER_MINUTE = 30_000;

/** What one extension may take: calls in it at one time and a minute, processor time a minute. */
export class Budgets {
  readonly #id: string;
  readonly #atOnce: number;
  readonly #perMinute: number;
  readonly #cpuMsPerMinute: number;
  #window = { start: 0, calls: 0 };

  constructor({ id, budgets = {} }: Manifest, bundled: boolean) {
    this.#id = id;
    this.#atOnce = budgets.concurrentCalls ?? (bundled ? Infinity : AT_ONCE);
    this.#perMinute = budgets.callsPerMinute ?? Infinity;
    this.#cpuMsPerMinute = budgets.cpuMsPerMinute ?? (bundled ? Infinity : CPU_MS_PER_MINUTE);
  }

  /** Why one more call is not let in now. */
  refuses(inFlight: number): PlinthError | null {
    if (inFlight >= this.#atOnce) return errors.quota(this.#id, `${this.#atOnce} calls at one time`);
    if (this.#perMinute === Infinity) return null;
    const now = Date.now();
    if (now - this.#window.start > WINDOW_MS) this.#window = { start: now, calls: 0 };
    return ++this.#window.calls > this.#perMinute ? errors.quota(this.#id, `${this.#perMinute} calls a minute`) : null;
  }

  /** Looks at its processor time, a number that only grows, until it used up its minute's, or the result is called. */
  watchCpu(cpuMs: () => number, onOver: (error: PlinthError) => void): () => void {
    if (this.#cpuMsPerMinute === Infinity) return () => {};
    const looks: number[] = [];
    const timer = setInterval(() => {
      const now = cpuMs();
      looks.push(now);
      const before = (looks.length > WINDOW_MS / LOOK_MS ? looks.shift() : looks[0]) ?? now;
      if (now - before <= this.#cpuMsPerMinute) return;
      clearInterval(timer);
      onOver(errors.quota(this.#id, `${this.#cpuMsPerMinute} ms of processor time a minute`));
    }, LOOK_MS).unref();
    return () => clearInterval(timer);
  }
}
