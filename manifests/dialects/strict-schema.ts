import { pointed } from "./schema-for.ts";
import type { Schema } from "./schema-root.ts";

/** What OpenAI's strict mode reads of a schema (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas). */
const READ = new Set([
  ...["type", "title", "description", "properties", "items", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "pattern", "format"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"],
]);
/** Without one of these a schema would take something else; the mode cannot say them. */
const UNSAID = ["allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas", "prefixItems"];
const FORMATS = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
const DEEPEST = 10;
const MOST_PROPERTIES = 5_000;

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const cannot = Symbol("cannot");

/**
 * A schema in OpenAI's strict mode, to which a model is bound: objects are closed and all of their properties required; one that
 * may be absent takes null instead, which `withoutStandIns` takes out again.
 *
 * @param schema of a tool's input, an object, as OpenAI's dialect has it
 * @returns undefined: the mode cannot say it, such as an object with names that are not known
 */
export function strictSchema(schema: Readonly<Schema>): Schema | undefined {
  let properties = 0;
  const strict = (given: unknown, depth: number): Schema => {
    if (!isSchema(given) || depth > DEEPEST || UNSAID.some((name) => Object.hasOwn(given, name))) throw cannot;
    const said: Schema = {};
    for (const [name, value] of Object.entries(given)) if (READ.has(name)) said[name] = value;
    if (typeof said.format === "string" && !FORMATS.includes(said.format)) delete said.format;
    for (const name of ["$defs", "definitions"]) {
      if (isSchema(said[name])) said[name] = Object.fromEntries(Object.entries(said[name]).map(([key, one]) => [key, strict(one, depth)]));
    }
    if (said.$ref !== undefined || said.const !== undefined || said.enum !== undefined) return said;
    if (Array.isArray(said.anyOf)) said.anyOf = said.anyOf.map((one) => strict(one, depth));
    else if (said.type === undefined) throw cannot;
    const types = [said.type].flat();
    if (types.includes("array")) said.items = strict(said.items, depth + 1);
    if (!types.includes("object")) return said;
    const own = Object.entries(isSchema(given.properties) ? given.properties : {});
    properties += own.length;
    const isOpen = given.additionalProperties !== undefined && given.additionalProperties !== false;
    if (isOpen || (own.length === 0 && depth > 0 && given.additionalProperties !== false) || properties > MOST_PROPERTIES) throw cannot;
    const required: unknown[] = Array.isArray(given.required) ? given.required : [];
    if (required.some((name) => !own.some(([one]) => one === name))) throw cannot;
    said.properties = Object.fromEntries(
      own.map(([name, one]) => [name, required.includes(name) ? strict(one, depth + 1) : orNull(strict(one, depth + 1))]),
    );
    return { ...said, required: own.map(([name]) => name), additionalProperties: false };
  };
  try {
    return strict(schema, 0);
  } catch (thrown) {
    if (thrown === cannot) return undefined;
    throw thrown;
  }
}

function orNull(schema: Schema): Schema {
  if (schema.$ref !== undefined || schema.const !== undefined) return { anyOf: [schema, { type: "null" }] };
  if (Array.isArray(schema.anyOf)) return { ...schema, anyOf: [...schema.anyOf.filter((one) => one?.type !== "null"), { type: "null" }] };
  const values = Array.isArray(schema.enum) ? { enum: [...schema.enum.filter((one) => one !== null), null] } : {};
  if (schema.type === undefined) return { ...schema, ...values };
  return { ...schema, type: [...[schema.type].flat().filter((one) => one !== "null"), "null"], ...values };
}

/**
 * The arguments of a call without the nulls that stand for what is absent. One that the tool's own schema takes stays.
 *
 * @param schema the tool's own, not the strict one
 */
export function withoutStandIns(schema: Readonly<Schema>, args: Record<string, unknown>): Record<string, unknown> {
  const whole = schema;
  const resolved = (given: unknown): Schema => {
    let found = given;
    for (let step = 0; step < DEEPEST && isSchema(found) && typeof found.$ref === "string"; step++) found = pointed(whole, found.$ref);
    return isSchema(found) ? found : {};
  };
  const takesNull = (given: unknown, depth = 0): boolean => {
    const one = resolved(given);
    if (Array.isArray(one.anyOf)) return depth < DEEPEST && one.anyOf.some((member) => takesNull(member, depth + 1));
    if (Array.isArray(one.enum)) return one.enum.includes(null);
    if (one.const !== undefined) return one.const === null;
    return one.type === undefined || one.nullable === true || [one.type].flat().includes("null");
  };
  const clean = (given: unknown, value: unknown): unknown => {
    let one = resolved(given);
    if (Array.isArray(one.anyOf)) one = fitting(one.anyOf.map(resolved), value);
    if (Array.isArray(value)) return value.map((item) => clean(one.items, item));
    if (!isSchema(value) || !isSchema(one.properties)) return value;
    const required: unknown[] = Array.isArray(one.required) ? one.required : [];
    const { properties } = one;
    const kept = Object.entries(value).filter(
      ([name, item]) => item !== null || !Object.hasOwn(properties, name) || required.includes(name) || takesNull(properties[name]),
    );
    return Object.fromEntries(kept.map(([name, item]) => [name, Object.hasOwn(properties, name) ? clean(properties[name], item) : item]));
  };
  return clean(schema, args) as Record<string, unknown>;
}

/** Which of several a value was made by: in the strict mode an object has exactly its schema's properties. */
function fitting(members: readonly Schema[], value: unknown): Schema {
  if (Array.isArray(value)) return members.find(({ type }) => [type].flat().includes("array")) ?? {};
  if (!isSchema(value)) return {};
  const names = Object.keys(value).sort().join("\n");
  return members.find(({ properties }) => isSchema(properties) && Object.keys(properties).sort().join("\n") === names) ?? {};
}
