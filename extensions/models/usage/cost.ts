import type { ModelInfo, Usage } from "@plinth/sdk";

export type Price = NonNullable<ModelInfo["price"]>;

/** More than any one call takes. A server that says so is wrong, and a sum with it would be of no use to any other call. */
const MOST_TOKENS = 1_000_000_000;
const MOST_USD = 1_000_000;

/** What can be believed of what a server says; the rest counts as not said. */
export function believed({ cost, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens }: Partial<Usage>): Partial<Usage> {
  const tokens = { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens };
  const kept = Object.entries(tokens).filter(([, count]) => count !== undefined && count <= MOST_TOKENS);
  return { ...Object.fromEntries(kept), ...(cost !== undefined && cost <= MOST_USD ? { cost } : {}) };
}

/** In US dollars: what the provider says, else by its prices for a million tokens. undefined: not known. */
export function costOf({ inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0, cost }: Usage, price: Price = {}): number | undefined {
  if (cost !== undefined) return cost;
  const fresh = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens);
  return sum([
    [fresh, price.input],
    [cacheReadTokens, price.cacheRead],
    [cacheWriteTokens, price.cacheWrite],
    [outputTokens, price.output],
  ]);
}

/** Whether nothing is paid by it, whatever a call takes. */
export const isFree = (price: Price = {}): boolean => price.input === 0 && price.output === 0 && !price.cacheRead && !price.cacheWrite;

/** What reading alone will cost, before it is known how much of it a cache has. */
export const readingCost = (inputTokens: number, price: Price = {}): number | undefined => sum([[inputTokens, price.input]]);

function sum(counts: readonly (readonly [tokens: number, price: number | undefined])[]): number | undefined {
  let total = 0;
  for (const [tokens, price] of counts) {
    if (tokens === 0) continue;
    if (price === undefined) return undefined;
    total += (tokens * price) / 1_000_000;
  }
  return total <= MOST_USD ? total : undefined;
}
