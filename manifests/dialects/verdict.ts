import { DIALECTS, type Dialect } from "./dialects.ts";
import { pointed, type SchemaNote, schemaFor } from "./schema-for.ts";
import { strictSchema } from "./strict-schema.ts";

/** What becomes of a tool at the vendors of one dialect. */
export interface DialectVerdict {
  readonly tool: string;
  /** One of `DIALECTS`. */
  readonly dialect: string;
  /** as-is: sent as it is written. rewritten: sent otherwise, `notes` say how. refused: no vendor takes it, whatever is rewritten. */
  readonly verdict: "as-is" | "rewritten" | "refused";
  /** What is lost or wrong, one sentence each. */
  readonly notes: readonly string[];
}

type Schema = Readonly<Record<string, any>>;

/** Whose servers a dialect stands for, as people know them. */
export const FAMILIES: Readonly<Record<keyof typeof DIALECTS, string>> = {
  openai: "OpenAI and compatible",
  "openai-strict": "OpenAI, strict mode",
  anthropic: "Anthropic",
  bedrock: "Amazon Bedrock",
  gemini: "Google",
  volcengine: "Volcengine",
};

const TYPES = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);
const MOST_NOTES = 8;
const MOST_WRONG = 16;
const DEEPEST = 64;

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

/** How each dialect takes a tool's name and schema. Pure; bounded, whatever the schema is. */
export function verdictsOf({ name, input }: { name: string; input: Schema }): DialectVerdict[] {
  const wrong = mistakesIn(input);
  return (Object.entries(DIALECTS) as [keyof typeof DIALECTS, Dialect][]).map(([dialect, rules]) => {
    if (wrong.length > 0) return { tool: name, dialect, verdict: "refused", notes: wrong };
    const { notes: changes } = schemaFor(rules, input);
    const notes = [...nameNotes(name, rules), ...told(changes)];
    if (rules.strict && strictSchema(schemaFor(rules, input).schema) === undefined)
      notes.push("The strict mode cannot say its schema; it is sent without.");
    return { tool: name, dialect, verdict: notes.length === 0 ? "as-is" : "rewritten", notes: notes.slice(0, MOST_NOTES) };
  });
}

function nameNotes(name: string, { name: { pattern, longest } }: Dialect): string[] {
  if (new RegExp(pattern).test(name) && name.length <= longest) return [];
  return ["Its name is written with _ for what is no letter, digit, _ or -, and cut where it is too long."];
}

const told = (notes: readonly SchemaNote[]): string[] =>
  notes.map(({ path, what, narrower }) => `${path === "" ? "The schema" : path}: ${what}${narrower ? " It takes less than before." : ""}`);

/** What no server can read as JSON Schema. */
function mistakesIn(schema: Schema): string[] {
  const found: string[] = [];
  const say = (path: string, what: string) => void (found.length < MOST_WRONG && found.push(`${path === "" ? "The schema" : path}: ${what}`));
  let seen = 0;
  const look = (one: unknown, path: string, depth: number): void => {
    if (!isSchema(one) || depth > DEEPEST || ++seen > 10_000) return;
    const { type, $ref, pattern, required, properties, enum: values } = one;
    const types = [type].flat().filter((name) => name !== undefined);
    for (const name of types) if (!TYPES.has(name as string)) say(path, `${JSON.stringify(name)} is no type.`);
    if (path === "" && types.length > 0 && !types.includes("object")) say(path, "Arguments are an object, and it takes none.");
    if (typeof $ref === "string" && ($ref.startsWith("#") ? !isSchema(pointed(schema, $ref)) : true))
      say(path, `The reference ${JSON.stringify($ref)} leads nowhere.`);
    if (pattern !== undefined && !isPattern(pattern)) say(path, `${JSON.stringify(pattern)} is no pattern.`);
    if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === "string")))
      say(path, "`required` is a list of names.");
    if (values !== undefined && !(Array.isArray(values) && values.length > 0)) say(path, "`enum` is a list of at least one value.");
    if (properties !== undefined && !isSchema(properties)) say(path, "`properties` are schemas by name.");
    for (const group of ["properties", "$defs", "definitions", "patternProperties"])
      if (isSchema(one[group])) for (const [key, child] of Object.entries(one[group])) look(child, `${path}/${group}/${key}`, depth + 1);
    for (const list of ["anyOf", "oneOf", "allOf", "prefixItems"])
      if (Array.isArray(one[list])) for (const [at, child] of one[list].entries()) look(child, `${path}/${list}/${at}`, depth + 1);
    for (const child of ["items", "not", "additionalProperties"]) look(one[child], `${path}/${child}`, depth + 1);
  };
  look(schema, "", 0);
  return found;
}

function isPattern(pattern: unknown): boolean {
  if (typeof pattern !== "string") return false;
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
