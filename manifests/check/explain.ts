export interface Validator {
  (value: unknown): boolean;
  errors?: ValidationError[] | null;
}

export interface ValidationError {
  instancePath: string;
  keyword: string;
  message?: string;
  params: Record<string, unknown>;
}

/** The most telling error of a failed validation, in words, with a suggestion for an unknown key. */
export function explain(list: readonly ValidationError[], value: unknown): { path: string; message: string } {
  const best = [...list].sort((a, b) => weight(b) - weight(a))[0];
  if (best === undefined) return { path: "", message: "it does not fit the schema" };
  const path = best.instancePath;
  if (best.keyword === "additionalProperties") {
    const name = String(best.params.additionalProperty);
    const known = Array.isArray(best.params.known) ? (best.params.known as string[]) : knownKeys(best);
    const near = nearest(name, known);
    return { path: `${path}/${name}`, message: `unknown key "${name}"${near ? `; did you mean "${near}"?` : ""}` };
  }
  if (best.keyword === "required") return { path, message: `"${String(best.params.missingProperty)}" is missing` };
  const found = pick(value, path);
  const shown = found === undefined ? "" : ` (found ${JSON.stringify(found)?.slice(0, 60)})`;
  if (best.keyword === "enum") return { path, message: `must be one of ${(best.params.allowedValues as unknown[]).join(", ")}${shown}` };
  return { path, message: `${best.message ?? best.keyword}${shown}` };
}

const weight = (error: ValidationError): number =>
  error.instancePath.split("/").length * 10 +
  (error.keyword === "additionalProperties" ? 5 : error.keyword === "anyOf" || error.keyword === "type" ? -5 : 0);

const knownKeys = (error: ValidationError): string[] => {
  const parent = (error as unknown as { parentSchema?: { properties?: object } }).parentSchema;
  return Object.keys(parent?.properties ?? {});
};

function pick(value: unknown, path: string): unknown {
  let at = value;
  for (const part of path.split("/").slice(1)) {
    if (at === null || typeof at !== "object") return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}

/** The candidate within a third of its length in edits, if any. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let score = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const found = distance(word.toLowerCase(), candidate.toLowerCase(), score);
    if (found < score) [best, score] = [candidate, found];
  }
  return best;
}

function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 128 || b.length > 128) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
