import { PlinthError } from "./wire/error.ts";

const MAX_DEPTH = 100;

/** JSON with sorted keys and no spaces: equal values give equal text, whoever wrote them. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) {
    throw new PlinthError("PLINTH_JSON_DEPTH", `A JSON document is nested deeper than ${MAX_DEPTH} levels.`, {
      next: "Make it flatter.",
    });
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null, depth + 1)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`);
    return `{${parts.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** How Plinth writes JSON files: two spaces, one final newline. */
export function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
