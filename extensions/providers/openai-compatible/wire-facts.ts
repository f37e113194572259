import type { Part, Usage } from "@plinth/sdk";

const count = (value: unknown): number => (typeof value === "number" && value > 0 ? Math.floor(value) : 0);

/** What was used, as far as the server says it; undefined where it says nothing that can be read. */
export function usageOf(wire: unknown): Usage | undefined {
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details, cost } = (wire ?? {}) as Record<string, any>;
  if (typeof prompt_tokens !== "number" && typeof completion_tokens !== "number") return undefined;
  const cached = prompt_tokens_details?.cached_tokens;
  const reasoned = completion_tokens_details?.reasoning_tokens;
  return {
    inputTokens: count(prompt_tokens),
    outputTokens: count(completion_tokens),
    ...(typeof cached === "number" ? { cacheReadTokens: count(cached) } : {}),
    ...(typeof reasoned === "number" ? { reasoningTokens: count(reasoned) } : {}),
    ...(typeof cost === "number" && cost >= 0 ? { cost } : {}),
  };
}

/** A source that the server names. */
export function annotationOf(wire: unknown): Extract<Part, { type: "citation" }> | undefined {
  const { type, url_citation } = (wire ?? {}) as { type?: unknown; url_citation?: Record<string, unknown> };
  if (type !== "url_citation" || typeof url_citation?.url !== "string") return undefined;
  const { url, title, start_index, end_index } = url_citation;
  return {
    type: "citation",
    url: url.slice(0, 8_192),
    ...(typeof title === "string" ? { title: title.slice(0, 500) } : {}),
    ...(Number.isInteger(start_index) && (start_index as number) >= 0 ? { start: start_index as number } : {}),
    ...(Number.isInteger(end_index) && (end_index as number) >= 0 ? { end: end_index as number } : {}),
  };
}
