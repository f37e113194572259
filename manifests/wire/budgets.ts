import { errors } from "../errors.ts";
import type { Manifest } from "../schema/extension.ts";
import type { PlinthError } from "./error.ts";
import { type Calls, OWNER_PARTY, Shares } from "./parties.ts";

const WINDOW_MS = 60_000;
const LOOK_MS = 1_000;
/** Of what is not of the product and states no number of its own. */
const AT_ONCE = 1_000;
const CPU_MS_PER_MINUTE = 30_000;

/**
 * What one extension may take: calls in it at one time and a minute, processor time a minute. Calls are counted for each party
 * that calls: the owner with the product is one, every other extension is one, and none uses up what is another's.
 */
export class Budgets {
  readonly #id: string;
  readonly #calls: Calls;
  readonly #atOnce: number;
  readonly #perMinute: number;
  readonly #cpuMsPerMinute: number;
  readonly #minute = new Shares();
  /** Parties whose calls took the processor time of this extension, until when they wait. */
  readonly #barred = new Map<string, number>();

  constructor({ id, budgets = {} }: Manifest, bundled: boolean, calls: Calls) {
    this.#id = id;
    this.#calls = calls;
    this.#atOnce = budgets.concurrentCalls ?? (bundled ? Infinity : AT_ONCE);
    this.#perMinute = budgets.callsPerMinute ?? Infinity;
    this.#cpuMsPerMinute = budgets.cpuMsPerMinute ?? (bundled ? Infinity : CPU_MS_PER_MINUTE);
  }

  /** Why one more call of this party is not let in now. */
  refuses(party: string): PlinthError | null {
    if (this.#barred.size > 0 && (this.#barred.get(party) ?? 0) > Date.now()) return this.#cpuQuota(party);
    if (this.#calls.of(party) >= this.#atOnce) return errors.quota(this.#id, `${this.#atOnce} calls at one time${from(party)}`);
    if (this.#perMinute === Infinity) return null;
    return this.#minute.spend(party, 1) > this.#perMinute ? errors.quota(this.#id, `${this.#perMinute} calls a minute${from(party)}`) : null;
  }

  /**
   * Looks at its processor time, a number that only grows, until it used up its minute's, or the result is called. Time is put
   * down to those whose calls were inside. Where others than the owner took most of it, the one who took most of that waits for a
   * minute and its calls end: the extension goes on for everybody else.
   */
  watchCpu(cpuMs: () => number, onOver: (error: PlinthError) => void): () => void {
    if (this.#cpuMsPerMinute === Infinity) return () => {};
    const looks: Map<string, number>[] = [];
    let last = cpuMs();
    this.#calls.takeTurns();
    const timer = setInterval(() => {
      const now = cpuMs();
      looks.push(shared(now - last, this.#calls.takeTurns()));
      last = now;
      if (looks.length > WINDOW_MS / LOOK_MS) looks.shift();
      const sums = summed(looks);
      if ([...sums.values()].reduce((sum, ms) => sum + ms, 0) <= this.#cpuMsPerMinute) return;
      const heaviest = heaviestGuest(sums, this.#cpuMsPerMinute / 2);
      if (heaviest !== null) {
        this.#bar(heaviest);
        for (const look of looks) look.delete(heaviest);
        return;
      }
      clearInterval(timer);
      onOver(errors.quota(this.#id, `${this.#cpuMsPerMinute} ms of processor time a minute`));
    }, LOOK_MS).unref();
    return () => clearInterval(timer);
  }

  #bar(party: string): void {
    const now = Date.now();
    for (const [name, until] of this.#barred) if (until <= now) this.#barred.delete(name);
    this.#barred.set(party, now + WINDOW_MS);
    for (const call of this.#calls) if (call.party === party) call.cancel(this.#cpuQuota(party));
  }

  #cpuQuota(party: string): PlinthError {
    return errors.quota(this.#id, `${this.#cpuMsPerMinute} ms of processor time a minute${from(party)}`);
  }
}

/** What nobody called for is the extension's own. */
const OWN = "";

const from = (party: string): string => (party === OWNER_PARTY ? "" : ` for ${party}`);

function shared(ms: number, turns: ReadonlyMap<string, number>): Map<string, number> {
  const all = [...turns.values()].reduce((sum, count) => sum + count, 0);
  return all === 0 ? new Map([[OWN, ms]]) : new Map([...turns].map(([party, count]) => [party, (ms * count) / all]));
}

function summed(looks: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const look of looks) for (const [party, ms] of look) sums.set(party, (sums.get(party) ?? 0) + ms);
  return sums;
}

/** The extension whose calls took most, where those of all extensions took more than `atLeast`. */
function heaviestGuest(sums: ReadonlyMap<string, number>, atLeast: number): string | null {
  const guests = [...sums].filter(([party]) => party !== OWNER_PARTY && party !== OWN).sort(([, a], [, b]) => b - a);
  return guests.reduce((sum, [, ms]) => sum + ms, 0) > atLeast ? (guests[0]?.[0] ?? null) : null;
}
