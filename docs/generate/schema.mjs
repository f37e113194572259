/** What a JSON Schema says, in the words of a table and of a type. */
import { code, prose, table } from "./markdown.mjs";

/** The schema with its local references written out. */
export function inlined(schema, root = schema, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > 16) return schema;
  if (Array.isArray(schema)) return schema.map((one) => inlined(one, root, depth + 1));
  if (typeof schema.$ref === "string" && schema.$ref.startsWith("#/")) {
    const target = schema.$ref
      .slice(2)
      .split("/")
      .reduce((at, key) => at?.[key], root);
    return inlined({ ...target, ...schema, $ref: undefined }, root, depth + 1);
  }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== "$defs")
      .map(([key, one]) => [key, inlined(one, root, depth + 1)]),
  );
}

const isEmpty = (schema) => Object.keys(schema).every((key) => key === "description");

/** Bounds in words, such as `1 to 80 characters`. */
export function limits(schema) {
  const range = (low, high, unit) => {
    if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`;
    if (low !== undefined) return `at least ${low}${unit}`;
    return high !== undefined ? `at most ${high}${unit}` : "";
  };
  return [
    range(schema.minimum, schema.maximum, ""),
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minItems, schema.maxItems, schema.maxItems === undefined && schema.minItems === 1 ? " item" : " items"),
    schema.uniqueItems ? "each once" : "",
    schema.pattern && schema.pattern.length <= 40 ? `pattern ${code(schema.pattern)}` : "",
    schema.items && !schema.items.properties ? limits(schema.items) : "",
  ]
    .filter((one) => one !== "")
    .join(", ");
}

/** The type on one line; objects are called by their name, or `object`. */
export function shortType(schema, nameOf = () => undefined) {
  const name = nameOf(schema);
  if (name !== undefined) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => shortType(one, nameOf)).join(" | ");
  if (schema.type === "array") {
    const items = shortType(schema.items ?? {}, nameOf);
    return items.includes(" | ") ? `(${items})[]` : `${items}[]`;
  }
  const values = recordValues(schema);
  if (values) return `Record<string, ${shortType(values, nameOf)}>`;
  return isEmpty(schema) ? "any" : (schema.type ?? "any");
}

/** The schema of a record's values; undefined for what is no record. */
export function recordValues(schema) {
  return schema.type === "object" && schema.patternProperties && !schema.properties ? Object.values(schema.patternProperties)[0] : undefined;
}

/** Every field of an object and of the objects in it, with its path. */
export function fieldRows(schema, nameOf = () => undefined, prefix = "") {
  const rows = [];
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    rows.push([
      code(path),
      code(shortType(field, nameOf)),
      schema.required?.includes(key) ? "yes" : "",
      field.default === undefined ? "" : code(JSON.stringify(field.default)),
      limits(field),
      prose(field.description),
    ]);
    const [below, mark] = innerObject(field);
    if (below && nameOf(below) === undefined) rows.push(...fieldRows(below, nameOf, `${path}${mark}`));
  }
  return rows;
}

function innerObject(schema) {
  if (schema.properties) return [schema, ""];
  if (schema.type === "array" && schema.items?.properties) return [schema.items, "[]"];
  const values = recordValues(schema);
  const objects = [values, ...(values?.anyOf ?? [])].find((one) => one?.properties);
  return objects ? [objects, ".*"] : [undefined, ""];
}

export const fieldTable = (schema, nameOf) => table(["field", "type", "required", "default", "limits", "meaning"], fieldRows(schema, nameOf));

/** The type as TypeScript, descriptions as comments. */
export function typeText(schema, nameOf = () => undefined, indent = "") {
  const name = nameOf(schema);
  if (name !== undefined) return name;
  if (schema.anyOf) return schema.anyOf.map((one) => typeText(one, nameOf, indent)).join(" | ");
  if (schema.type === "array") {
    const items = typeText(schema.items ?? {}, nameOf, indent);
    return /[|\n]/.test(items) ? `Array<${items}>` : `${items}[]`;
  }
  const values = recordValues(schema);
  if (values) return `Record<string, ${typeText(values, nameOf, indent)}>`;
  if (!schema.properties) {
    const short = shortType(schema, nameOf);
    return short === "any" ? "unknown" : short === "integer" ? "number" : short;
  }
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties).flatMap(([key, field]) => {
    const bounds = limits(field).replaceAll("`", "");
    const said = [field.description, field.type === "integer" && !bounds ? "Whole number." : "", bounds ? `(${bounds})` : ""]
      .filter(Boolean)
      .join(" ");
    const comment = said ? [`${inner}/** ${said.replaceAll("*/", "* /")} */`] : [];
    return [...comment, `${inner}${key}${schema.required?.includes(key) ? "" : "?"}: ${typeText(field, nameOf, inner)};`];
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
}
