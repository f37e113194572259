/** Ids that were met, oldest first, with when. Plain data: it can be stored as it is. */
export type Seen = readonly (readonly [id: string, at: number])[];

export interface SeenRules {
  readonly ttlMs: number;
  readonly most: number;
}

export const SEEN: SeenRules = Object.freeze({ ttlMs: 86_400_000, most: 1_000 });

/** Whether an id is met for the first time, and what is known from then on. */
export function meet(seen: Seen, id: string, now: number, { ttlMs, most }: SeenRules = SEEN): { isNew: boolean; seen: Seen } {
  const valid = seen.filter(([, at]) => now - at < ttlMs);
  if (valid.some(([known]) => known === id)) return { isNew: false, seen: valid };
  return { isNew: true, seen: [...valid, [id, now] as const].slice(-most) };
}
