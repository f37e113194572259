type Schema = Record<string, unknown>;

/** Of a schema that refers to itself: beyond so many parts the rest is any value. */
const MOST = 2_000;
const DEEPEST = 24;

interface Walk {
  root: Schema;
  left: number;
  /** References on the way down: one within itself is not followed again. */
  within: readonly string[];
}

const KEPT = [
  "title",
  "description",
  "enum",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "pattern",
  "default",
  "required",
];
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  string: ["enum", "date-time"],
  number: ["float", "double"],
  integer: ["int32", "int64"],
};

/**
 * A JSON Schema in the dialect of servers that take no JSON Schema, a part of OpenAPI 3.0: https://ai.google.dev/api/caching#Schema
 * What the dialect cannot say is left out, so that it may allow more than the schema does.
 */
export function openapiSchema(schema: Schema): Schema {
  return dialect(schema, { root: schema, left: MOST, within: [] });
}

function dialect(schema: Schema, walk: Walk): Schema {
  if (--walk.left < 0 || walk.within.length > DEEPEST || typeof schema !== "object" || schema === null) return {};
  const { $ref, allOf, ...own } = schema as { $ref?: unknown; allOf?: Schema[] } & Schema;
  if (typeof $ref === "string" && walk.within.includes($ref)) return {};
  const target = typeof $ref === "string" ? (pointed(walk.root, $ref) ?? {}) : {};
  const inner = (one: Schema): Schema => {
    const below = { root: walk.root, left: walk.left, within: typeof $ref === "string" ? [...walk.within, $ref] : walk.within };
    const found = dialect(one, below);
    walk.left = below.left;
    return found;
  };
  const merged = [target, ...(Array.isArray(allOf) ? allOf : [])].reduce<Schema>((all, one) => joined(all, one), {});
  const from = joined(merged, own);
  if (from.$ref !== undefined || from.allOf !== undefined) return inner(from);

  const made: Schema = {};
  for (const key of KEPT) if (from[key] !== undefined) made[key] = from[key];
  if (from.const !== undefined) made.enum = [from.const];
  const types = [from.type ?? inferred(from)].flat().filter((one): one is string => typeof one === "string");
  if (types.includes("null")) made.nullable = true;
  const [type, ...others] = types.filter((one) => one !== "null");
  const choices = (from.anyOf ?? from.oneOf) as Schema[] | undefined;
  if (Array.isArray(choices)) {
    const some = choices.filter((one) => one.type !== "null");
    if (some.length < choices.length) made.nullable = true;
    const all = some.map((one) => inner(one));
    return all.length === 1 ? { ...all[0], ...made } : { ...made, anyOf: all };
  }
  if (others.length > 0) return { ...made, anyOf: [type!, ...others].map((one) => inner({ ...from, type: one })) };
  if (type === undefined) return made;
  made.type = type.toUpperCase();
  if (FORMATS[type]?.includes(String(from.format))) made.format = from.format;
  // An enumeration is of strings.
  if (Array.isArray(made.enum) && type !== "string") delete made.enum;
  if (type === "array") made.items = inner((from.items as Schema | undefined) ?? { type: "string" });
  if (type === "object") {
    const properties = Object.entries((from.properties ?? {}) as Record<string, Schema>);
    if (properties.length > 0) made.properties = Object.fromEntries(properties.map(([name, one]) => [name, inner(one)]));
    const known = new Set(properties.map(([name]) => name));
    const required = ((made.required as string[] | undefined) ?? []).filter((name) => known.has(name));
    if (required.length > 0) made.required = required;
    else delete made.required;
  }
  return made;
}

function inferred(schema: Schema): string | undefined {
  if (schema.properties !== undefined) return "object";
  if (schema.items !== undefined) return "array";
  const [one] = [schema.const ?? (schema.enum as unknown[] | undefined)?.[0]];
  return one === undefined || one === null ? undefined : typeof one === "object" ? undefined : typeof one;
}

/** Both hold: properties and what is required of both; otherwise the later one's word. */
function joined(one: Schema, other: Schema): Schema {
  const all = { ...one, ...other };
  if (one.properties && other.properties) all.properties = { ...(one.properties as object), ...(other.properties as object) };
  if (Array.isArray(one.required) && Array.isArray(other.required)) all.required = [...new Set([...one.required, ...other.required])];
  return all;
}

/** What a reference within the schema points to; undefined for any other. */
function pointed(root: Schema, ref: string): Schema | undefined {
  if (!ref.startsWith("#")) return undefined;
  let value: unknown = root;
  for (const step of ref.slice(1).split("/").filter(Boolean)) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Schema)[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return typeof value === "object" && value !== null ? (value as Schema) : undefined;
}
