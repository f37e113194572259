import type { UsageTotals } from "@plinth/sdk";

/** Sums by name, as they are stored; whatever numbers a model says are added, so that a later version's are not lost. */
export function addTokens(stored: string | null, usage: object | undefined): string | null {
  if (usage === undefined) return stored;
  return JSON.stringify(sum(readTokens(stored), usage as Record<string, unknown>));
}

export function readTokens(stored: string | null): UsageTotals["tokens"] {
  try {
    return stored === null ? {} : (JSON.parse(stored) as UsageTotals["tokens"]);
  } catch {
    return {};
  }
}

export function sum(one: UsageTotals["tokens"], other: Readonly<Record<string, unknown>>): UsageTotals["tokens"] {
  const totals = { ...one };
  for (const [name, value] of Object.entries(other)) {
    if (typeof value === "number" && Number.isFinite(value)) totals[name] = (totals[name] ?? 0) + value;
  }
  return totals;
}
