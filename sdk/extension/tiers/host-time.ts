import { onProcessor } from "./on-processor.ts";

/** What may be spent for a guest that has done nothing lately, all at once. */
const BURST_MS = 60;
/** Of the time that passes, whatever the guest does itself. */
const SHARE = 0.01;
/** Of the guest's own processor time. With its share, less than what it uses itself. */
const PAID = 0.8;

/**
 * The host's own processor time that goes into one guest: reading and handling what it sends, answering it. A guest pays for it
 * with its own, so that none can make the host work more than it works itself; a small share of the passing time comes on top.
 * Measured around chunks and not around messages: two looks at the clock each.
 */
export class HostTime {
  readonly #parent: HostTime | null;
  #left = BURST_MS;
  #lookedAt = performance.now();
  #paidMs = 0;
  #spentMs = 0;
  /** The processor time of the guest, a number that only grows; 0 where it is not told. */
  guestMs: () => number = () => 0;

  /** @param parent of the process, where several guests live in one. */
  constructor(parent: HostTime | null = null) {
    this.#parent = parent;
  }

  /** Since it began. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** @param ms by the clock; what other programs had of it meanwhile is left out. */
  readonly spend = (ms: number): void => this.cost(onProcessor(ms));

  /** What something costs, known beforehand. */
  cost(ms: number): void {
    this.#spentMs += ms;
    this.#left -= ms;
    this.#parent?.cost(ms);
  }

  /** As `spend`, where the process was told already. */
  spendInside(ms: number): void {
    this.#spentMs += onProcessor(ms);
  }

  /** Milliseconds until it may go on; 0 = now. Cheap while there is something left. */
  wait(): number {
    if (this.#left >= 0) return 0;
    const [now, paid] = [performance.now(), this.guestMs()];
    const earned = (now - this.#lookedAt) * SHARE + Math.max(0, paid - this.#paidMs) * PAID;
    this.#left = Math.min(BURST_MS, this.#left + earned);
    this.#lookedAt = now;
    this.#paidMs = Math.max(paid, this.#paidMs);
    return this.#left >= 0 ? 0 : -this.#left / SHARE;
  }
}
