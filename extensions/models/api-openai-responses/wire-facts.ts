import type { Part, Usage } from "@plinth/sdk";
import { isAmount } from "@plinth/sdk/kits/model-api";

const count = (value: unknown): number => (typeof value === "number" && value > 0 ? Math.floor(value) : 0);

/** What was used, as far as the server says it; undefined where it says nothing that can be read. */
export function usageOf(wire: unknown, serverTools: Readonly<Record<string, number>>): Usage | undefined {
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details, cost } = (wire ?? {}) as Record<string, any>;
  if (typeof input_tokens !== "number" && typeof output_tokens !== "number") return undefined;
  const [read, written] = [input_tokens_details?.cached_tokens, input_tokens_details?.cache_write_tokens];
  const reasoned = output_tokens_details?.reasoning_tokens;
  return {
    inputTokens: count(input_tokens),
    outputTokens: count(output_tokens),
    ...(typeof read === "number" ? { cacheReadTokens: count(read) } : {}),
    ...(typeof written === "number" ? { cacheWriteTokens: count(written) } : {}),
    ...(typeof reasoned === "number" ? { reasoningTokens: count(reasoned) } : {}),
    ...(Object.keys(serverTools).length > 0 ? { serverTools: { ...serverTools } } : {}),
    ...(isAmount(cost) ? { cost } : {}),
  };
}

type Citation = Extract<Part, { type: "citation" }>;

/** A source that the server names, `before` characters into what was said; undefined for a kind that is none. */
export function citationOf(wire: unknown, before: number): Citation | undefined {
  const { type, url, title, filename, start_index, end_index } = (wire ?? {}) as Record<string, unknown>;
  const place = (at: unknown) => (Number.isInteger(at) && (at as number) >= 0 ? (at as number) + before : undefined);
  const [start, end] = [place(start_index), place(end_index)];
  const placed = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  if (type === "url_citation" && typeof url === "string") {
    return { type: "citation", url: url.slice(0, 8_192), ...(typeof title === "string" ? { title: title.slice(0, 500) } : {}), ...placed };
  }
  if ((type === "file_citation" || type === "container_file_citation") && typeof filename === "string") {
    return { type: "citation", title: filename.slice(0, 500), ...placed };
  }
  return undefined;
}

/** The kind of picture that the bytes are, by their first characters in base64. */
export function imageType(base64: string, format: unknown): string {
  if (base64.startsWith("iVBOR")) return "image/png";
  if (base64.startsWith("/9j/")) return "image/jpeg";
  if (base64.startsWith("UklGR")) return "image/webp";
  return `image/${typeof format === "string" && /^[a-z0-9.+-]{1,32}$/.test(format) ? format : "png"}`;
}
