import type { Part } from "@plinth/sdk";

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
