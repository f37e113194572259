import type { Part, Usage } from "@plinth/sdk";

const count = (value: unknown): number => (typeof value === "number" && value > 0 ? Math.floor(value) : 0);

/** What was used, as far as the server says it; undefined where it says nothing that can be read. */
export function usageOf(wire: unknown, serverTools: Readonly<Record<string, number>>): Usage | undefined {
  const said = (wire ?? {}) as Record<string, unknown>;
  if (typeof said.promptTokenCount !== "number" && typeof said.candidatesTokenCount !== "number") return undefined;
  const { cachedContentTokenCount: cached, thoughtsTokenCount: thought } = said;
  return {
    // What its own tools read for it stands beside the prompt, and what it thought beside what it said.
    inputTokens: count(said.promptTokenCount) + count(said.toolUsePromptTokenCount),
    outputTokens: count(said.candidatesTokenCount) + count(thought),
    ...(typeof cached === "number" ? { cacheReadTokens: count(cached) } : {}),
    ...(typeof thought === "number" ? { reasoningTokens: count(thought) } : {}),
    ...(Object.keys(serverTools).length > 0 ? { serverTools: { ...serverTools } } : {}),
  };
}

type Citation = Extract<Part, { type: "citation" }>;

const MAX_CITATIONS = 512;

/** Where words come from, by the metadata of the answer's sources: https://ai.google.dev/api/generate-content#GroundingMetadata */
export function groundingCitations(wire: unknown, text: string): Citation[] {
  const { groundingChunks, groundingSupports } = (wire ?? {}) as { groundingChunks?: unknown; groundingSupports?: unknown };
  const chunks = (Array.isArray(groundingChunks) ? groundingChunks : []).map(sourceOf);
  const supports = Array.isArray(groundingSupports) ? groundingSupports : [];
  const places = utf16Places(text);
  const supported = supports.flatMap((support) => {
    const { startIndex, endIndex, text: quote } = (support?.segment ?? {}) as Record<string, unknown>;
    const indices: unknown[] = Array.isArray(support?.groundingChunkIndices) ? support.groundingChunkIndices : [];
    return indices.flatMap((at) => {
      const source = chunks[at as number];
      if (source === undefined) return [];
      const end = typeof endIndex === "number" ? places(endIndex) : undefined;
      const start = typeof startIndex === "number" ? places(startIndex) : end === undefined ? undefined : 0;
      const placed = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
      return [{ ...source, ...(typeof quote === "string" ? { quote: quote.slice(0, 2_000) } : {}), ...placed }];
    });
  });
  const all = supported.length > 0 ? supported : chunks.flatMap((source) => source ?? []);
  return all.slice(0, MAX_CITATIONS);
}

/** What the model recited: https://ai.google.dev/api/generate-content#citationmetadata */
export function recitedCitations(wire: unknown): Citation[] {
  const { citations, citationSources } = (wire ?? {}) as { citations?: unknown; citationSources?: unknown };
  const rows = (Array.isArray(citations) ? citations : Array.isArray(citationSources) ? citationSources : []) as Record<string, unknown>[];
  return rows.slice(0, MAX_CITATIONS).flatMap((row) => {
    const source = sourceOf({ web: { uri: row?.uri, title: row?.title } });
    if (source === undefined) return [];
    const [start, end] = [row.startIndex, row.endIndex];
    return [{ ...source, ...(isPlace(start) ? { start } : {}), ...(isPlace(end) ? { end } : {}) }];
  });
}

const isPlace = (at: unknown): at is number => Number.isInteger(at) && (at as number) >= 0;

function sourceOf(chunk: any): Citation | undefined {
  const { uri, title } = (chunk?.web ?? chunk?.retrievedContext ?? chunk?.maps ?? {}) as { uri?: unknown; title?: unknown };
  if (typeof uri !== "string" && typeof title !== "string") return undefined;
  return {
    type: "citation",
    ...(typeof uri === "string" ? { url: uri.slice(0, 8_192) } : {}),
    ...(typeof title === "string" ? { title: title.slice(0, 500) } : {}),
  };
}

/** Places in a text that are told in bytes of UTF-8, in units of UTF-16. */
export function utf16Places(text: string): (byte: number) => number {
  let units: number[] | undefined;
  return (byte) => {
    if (units === undefined) {
      units = [];
      let at = 0;
      for (const character of text) {
        const code = character.codePointAt(0)!;
        for (let bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; bytes > 0; bytes--) units.push(at);
        at += character.length;
      }
    }
    return units[Math.max(0, byte)] ?? text.length;
  };
}
