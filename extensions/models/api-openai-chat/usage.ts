import type { Usage } from "@plinth/sdk";
import { isAmount } from "@plinth/sdk/kits/model-api";

const count = (...values: unknown[]): number | undefined => {
  const found = values.find((value) => typeof value === "number" && Number.isFinite(value) && value >= 0);
  return found === undefined ? undefined : Math.floor(found as number);
};

/**
 * What was used, as far as the server says it, in OpenAI's words or in those of DeepSeek (prompt_cache_hit_tokens), Moonshot
 * (cached_tokens), Perplexity (reasoning_tokens, cost.total_cost), OpenRouter (cost) and Alibaba (cache_creation_input_tokens).
 * undefined where it says nothing that can be read: a usage of zeros is none.
 */
export function usageOf(wire: unknown): Usage | undefined {
  if (typeof wire !== "object" || wire === null) return undefined;
  const said = wire as Record<string, any>;
  const { prompt_tokens_details: prompt, completion_tokens_details: completion, cost } = said;
  const total = count(said.total_tokens);
  const given = { input: count(said.prompt_tokens), output: count(said.completion_tokens) };
  const inputTokens = given.input ?? (total !== undefined && given.output !== undefined ? total - given.output : undefined);
  const outputTokens = given.output ?? (total !== undefined && given.input !== undefined ? total - given.input : undefined);
  if (inputTokens === undefined || outputTokens === undefined || inputTokens < 0 || outputTokens < 0 || inputTokens + outputTokens === 0)
    return undefined;
  const cacheRead = count(prompt?.cached_tokens, said.prompt_cache_hit_tokens, said.cached_tokens);
  const cacheWrite = count(prompt?.cache_write_tokens, prompt?.cache_creation_input_tokens, prompt?.cache_creation_tokens);
  const reasoned = count(completion?.reasoning_tokens, said.reasoning_tokens);
  // xAI counts what was thought beside what was said; ours is all that was written.
  const isApart = reasoned !== undefined && reasoned > 0 && total === inputTokens + outputTokens + reasoned;
  const paid = [cost, cost?.total_cost].find(isAmount);
  return {
    inputTokens,
    outputTokens: isApart ? outputTokens + reasoned : outputTokens,
    ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
    ...(reasoned === undefined ? {} : { reasoningTokens: reasoned }),
    ...(paid === undefined ? {} : { cost: paid as number }),
  };
}
