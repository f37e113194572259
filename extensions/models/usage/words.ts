import type { SpendingState, UsageSum } from "@plinth/sdk";

/** Such as $1.20, and $0.0042 where cents say nothing. */
export const dollars = (usd: number): string => `$${usd === 0 || usd >= 0.1 ? usd.toFixed(2) : usd >= 0.0001 ? usd.toFixed(4) : "0.0001"}`;

/** Such as 850, 12.3k, 1.2M. */
export function short(tokens: number): string {
  if (tokens < 1_000) return String(Math.round(tokens));
  if (tokens < 999_500) return `${trimmed(tokens / 1_000)}k`;
  return `${trimmed(tokens / 1_000_000)}M`;
}

const trimmed = (value: number): string => (value < 99.95 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0));

/** What is not known is said, and is no 0. */
export function costWords({ calls, failed, unknown, unpriced, cost }: UsageSum): string {
  const missing = unknown + unpriced;
  if (missing === 0) return cost === 0 ? "at no cost" : dollars(cost);
  if (missing === calls - failed && cost === 0) return "cost not known";
  return `${dollars(cost)} and ${missing === 1 ? "one call" : `${missing} calls`} whose cost is not known`;
}

/** One line on a sum. */
export function sumWords(sum: UsageSum): string {
  const { calls, failed, unknown, inputTokens, outputTokens, cacheReadTokens, reasoningTokens } = sum;
  if (calls === 0) return "nothing";
  const beside = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unknown > 0 ? [`the tokens of ${unknown === 1 ? "one" : unknown} are not known`] : []),
  ].join(", ");
  const asked = `${calls === 1 ? "one model call" : `${calls} model calls`}${beside === "" ? "" : ` (${beside})`}`;
  if (calls === failed) return asked;
  if (calls === failed + unknown) return `${asked}, cost not known`;
  const read = `${short(inputTokens)} read${cacheReadTokens > 0 ? ` (${short(cacheReadTokens)} from a cache)` : ""}`;
  const written = `${short(outputTokens)} written${reasoningTokens > 0 ? ` (${short(reasoningTokens)} of it thought)` : ""}`;
  return `${asked}, ${read}, ${written}, ${costWords(sum)}`;
}

const OF: Readonly<Record<SpendingState["scope"], string>> = {
  turn: "this turn",
  session: "this conversation",
  day: "today",
  agent: "this agent today",
};

export const scopeWords = ({ scope }: Pick<SpendingState, "scope">): string => OF[scope];

/** Such as `$4.98 of $5.00`. */
export function limitWords({ usd, tokens }: SpendingState): string {
  return [
    ...(usd === undefined ? [] : [`${dollars(usd.spent)} of ${dollars(usd.limit)}`]),
    ...(tokens === undefined ? [] : [`${short(tokens.spent)} of ${short(tokens.limit)} tokens`]),
  ].join(", ");
}
