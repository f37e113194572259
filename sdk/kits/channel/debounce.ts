export interface BurstRules {
  /** Messages that follow each other within this time are one. */
  readonly quietMs: number;
  /** After so long it is taken as it is. */
  readonly mostMs: number;
  readonly mostItems: number;
}

export const BURST: BurstRules = Object.freeze({ quietMs: 300, mostMs: 3_000, mostItems: 20 });

export interface Waiting {
  /** When it came in, in milliseconds. */
  readonly at: number;
  /** Who wrote it: only one sender's messages become one. */
  readonly from: string;
  /** Stands alone, such as a command: what waits before it goes first. */
  readonly alone: boolean;
}

/**
 * How many of the items that wait, oldest first, are taken together now; 0 with how long to wait. People write one thought in
 * several messages.
 */
export function takeBurst(waiting: readonly Waiting[], now: number, rules: BurstRules = BURST): { take: number; waitMs: number } {
  const [first] = waiting;
  if (first === undefined) return { take: 0, waitMs: 0 };
  if (first.alone) return { take: 1, waitMs: 0 };
  let take = 1;
  while (take < waiting.length && take < rules.mostItems) {
    const next = waiting[take] as Waiting;
    if (next.alone || next.from !== first.from || next.at - first.at > rules.mostMs) return { take, waitMs: 0 };
    take++;
  }
  if (take >= rules.mostItems) return { take, waitMs: 0 };
  const last = waiting[take - 1] as Waiting;
  const waitMs = Math.min(last.at + rules.quietMs, first.at + rules.mostMs) - now;
  return waitMs > 0 ? { take: 0, waitMs } : { take, waitMs: 0 };
}
