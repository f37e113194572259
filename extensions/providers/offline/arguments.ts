export interface ArgumentProblem {
  name: string;
  why: string;
}

interface Property {
  type?: string | string[];
  enum?: unknown[];
  items?: Property;
}

/**
 * Give words the types that a tool's input schema asks for. Only the outline of a schema is read; whoever calls the tool
 * validates the whole of it.
 *
 * @param strict refuse names that the schema does not know.
 */
export function typedArguments(
  schema: Record<string, unknown>,
  values: Record<string, unknown>,
  strict: boolean,
): { args: Record<string, unknown> } | { problems: ArgumentProblem[] } {
  const { properties = {}, required = [] } = schema as { properties?: Record<string, Property>; required?: string[] };
  const problems: ArgumentProblem[] = [];
  const args: [string, unknown][] = [];
  for (const [name, value] of Object.entries(values)) {
    const property = Object.hasOwn(properties, name) ? properties[name]! : undefined;
    if (!property && strict && Object.keys(properties).length > 0) {
      problems.push({ name, why: "is not one of its arguments" });
      continue;
    }
    const typed = typeof value === "string" ? typedValue(property ?? {}, value) : { value };
    if ("why" in typed) problems.push({ name, why: typed.why });
    else args.push([name, typed.value]);
  }
  for (const name of required) {
    if (!Object.hasOwn(values, name)) problems.push({ name, why: "is missing" });
  }
  return problems.length > 0 ? { problems } : { args: Object.fromEntries(args) };
}

function typedValue(property: Property, text: string): { value: unknown } | { why: string } {
  const quoted = JSON.stringify(text.slice(0, 40));
  if (property.enum) {
    const found = property.enum.find((one) => String(one).toLowerCase() === text.toLowerCase());
    return found === undefined ? { why: `must be one of ${property.enum.join(", ")}, not ${quoted}` } : { value: found };
  }
  const types = [property.type ?? "string"].flat();
  for (const type of types) {
    const value = convert(type, property, text);
    if (value !== undefined) return { value };
  }
  return { why: `must be ${types.map((type) => NAMES[type] ?? type).join(" or ")}, not ${quoted}` };
}

const NAMES: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  boolean: "yes or no",
  array: "a list",
  object: "a JSON object",
};

function convert(type: string, property: Property, text: string): unknown {
  if (type === "string") return text;
  if (type === "null") return text === "null" ? null : undefined;
  if (type === "integer") return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (type === "number") return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
  if (type === "boolean") return /^(true|yes|on)$/i.test(text) ? true : /^(false|no|off)$/i.test(text) ? false : undefined;
  if (type === "array" && !text.startsWith("[")) {
    const items = text.split(/\s*,\s*/).map((one) => typedValue(property.items ?? {}, one));
    return items.every((one) => "value" in one) ? items.map((one) => (one as { value: unknown }).value) : undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    const fits = type === "array" ? Array.isArray(value) : typeof value === "object" && value !== null && !Array.isArray(value);
    return fits ? value : undefined;
  } catch {
    return undefined;
  }
}
