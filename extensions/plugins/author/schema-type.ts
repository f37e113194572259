const MAX_DEPTH = 20;

/**
 * A JSON Schema as a TypeScript type: plain objects, arrays, strings, numbers, booleans, null, enums and constants.
 * Whatever says more than that is `unknown`, which is never wrong.
 *
 * @param filled whether the host fills defaults in, so that the code always finds a value: in a configuration it does.
 */
export function schemaType(schema: unknown, depth = 0, filled = true): string {
  if (typeof schema !== "object" || schema === null || depth > MAX_DEPTH) return "unknown";
  const { type, enum: values, const: constant } = schema as { type?: unknown; enum?: unknown; const?: unknown };
  if ("const" in schema) return literal(constant);
  if (Array.isArray(values)) return values.length === 0 ? "never" : values.map(literal).join(" | ");
  if (Array.isArray(type)) return type.map((one) => schemaType({ ...schema, type: one }, depth, filled)).join(" | ") || "unknown";
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "number":
    case "integer":
      return "number";
    case "array":
      return arrayType(schema as { items?: unknown }, depth, filled);
    case "object":
      return objectType(schema as ObjectSchema, depth, filled);
    default:
      return "unknown";
  }
}

/** A property's name, quoted where it has to be. */
export function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

interface ObjectSchema {
  properties?: Record<string, unknown>;
  required?: unknown;
  additionalProperties?: unknown;
}

function objectType({ properties = {}, required, additionalProperties }: ObjectSchema, depth: number, filled: boolean): string {
  const indent = "  ".repeat(depth + 1);
  const rows = Object.entries(properties).map(([name, value]) => {
    const { description, default: preset } = (value ?? {}) as { description?: unknown; default?: unknown };
    const always = (filled && preset !== undefined) || (Array.isArray(required) && required.includes(name));
    const comment = typeof description === "string" ? `${indent}/** ${description.replaceAll("*/", "*\\/").replaceAll(/\s+/g, " ")} */\n` : "";
    return `${comment}${indent}${property(name)}${always ? "" : "?"}: ${schemaType(value, depth + 1, filled)};\n`;
  });
  if (rows.length > 0) return `{\n${rows.join("")}${"  ".repeat(depth)}}`;
  if (additionalProperties === false) return "Record<string, never>";
  return `Record<string, ${additionalProperties === undefined ? "unknown" : schemaType(additionalProperties, depth + 1, filled)}>`;
}

function arrayType({ items }: { items?: unknown }, depth: number, filled: boolean): string {
  const item = items === undefined ? "unknown" : schemaType(items, depth, filled);
  return /^[\w$]+$/.test(item) ? `${item}[]` : `(${item})[]`;
}

/** Objects and lists as constants are rare enough to stay unknown. */
function literal(value: unknown): string {
  return typeof value === "object" && value !== null ? "unknown" : (JSON.stringify(value) ?? "unknown");
}
