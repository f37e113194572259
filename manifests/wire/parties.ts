import type { WorkData } from "./bridge.ts";
import type { Call } from "./call.ts";

/** The owner with all that is of the product: what they do themselves is never used up by others. */
export const OWNER_PARTY = "the owner";
/** More than that share one count: names are free. */
const MAX_PARTIES = 256;
const OTHERS = "others";

/**
 * Whose share of a budget a call takes. `caller`: the extension that calls, null = the product or the host itself, which work for
 * whoever began the work.
 */
export function partyOf(caller: string | null, work: WorkData | undefined): string {
  if (work?.principal.role === "guest") return work.principal.via;
  return caller ?? OWNER_PARTY;
}

/** Amounts by party, forgotten with each window of time. */
export class Shares {
  readonly #windowMs: number;
  readonly #spent = new Map<string, number>();
  #since = 0;

  constructor(windowMs = 60_000) {
    this.#windowMs = windowMs;
  }

  /** Add to what a party spent in this window; how much that is now. */
  spend(party: string, amount: number): number {
    const now = Date.now();
    if (now - this.#since > this.#windowMs) {
      this.#since = now;
      this.#spent.clear();
    }
    const name = this.#spent.has(party) || this.#spent.size < MAX_PARTIES ? party : OTHERS;
    const sum = (this.#spent.get(name) ?? 0) + amount;
    this.#spent.set(name, sum);
    return sum;
  }
}

/** Calls in one extension, and whose they are. */
export class Calls extends Set<Call> {
  readonly #inside = new Map<string, number>();
  #entered = new Map<string, number>();

  override add(call: Call): this {
    const { party } = call;
    if (party === null || this.has(call)) return super.add(call);
    this.#inside.set(party, (this.#inside.get(party) ?? 0) + 1);
    this.#entered.set(party, (this.#entered.get(party) ?? 0) + 1);
    return super.add(call);
  }

  override delete(call: Call): boolean {
    if (!super.delete(call)) return false;
    const { party } = call;
    if (party === null) return true;
    const left = (this.#inside.get(party) ?? 1) - 1;
    if (left === 0) this.#inside.delete(party);
    else this.#inside.set(party, left);
    return true;
  }

  /** Of one party now. */
  of(party: string): number {
    return this.#inside.get(party) ?? 0;
  }

  /** How much of it is whose since the last look: those that came, and those that were there. */
  takeTurns(): Map<string, number> {
    const turns = this.#entered;
    this.#entered = new Map(this.#inside);
    return turns;
  }
}
