import { nearNames } from "../near-names.ts";

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
    const [near] = nearNames(name, known, 1);
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

/** The value at a JSON pointer. */
export function pick(value: unknown, path: string): unknown {
  let at = value;
  for (const part of path.split("/").slice(1)) {
    if (at === null || typeof at !== "object") return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}
