/** A schema as JSON Schema has it. */
type Schema = Readonly<Record<string, unknown>>;

const DEEPEST = 16;
/** A grammar has a rule for each character or item that is bounded. */
const MOST_COUNTED = 256;
const FORMATS: ReadonlySet<unknown> = new Set(["date-time", "time", "date"]);
const PLAIN: ReadonlySet<unknown> = new Set(["string", "number", "integer", "boolean", "null"]);
/** The library knows "any" by a reference that leads nowhere only; these are all that JSON has. */
const ANY = {
  oneOf: [{ type: ["string", "number", "boolean", "null"] }, { type: "object", additionalProperties: true }, { type: "array" }],
};

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const isLiteral = (value: unknown): boolean => value === null || ["string", "number", "boolean"].includes(typeof value);

/**
 * A schema in the part of JSON Schema that the library makes grammars of. There all properties of an object are always written; what
 * it cannot say is wider here, never narrower.
 *
 * @param absent null: a property that is not required takes null too, which stands for its absence.
 */
export function grammarSchema(schema: Schema, absent: "null" | "never" = "never"): Schema {
  const defs = isSchema(schema.$defs) ? schema.$defs : isSchema(schema.definitions) ? schema.definitions : {};
  const told = (given: unknown, depth: number): Schema => {
    if (!isSchema(given) || depth > DEEPEST) return ANY;
    const description = typeof given.description === "string" ? { description: given.description } : {};
    if (typeof given.$ref === "string") {
      const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(given.$ref)?.[1];
      return name !== undefined && Object.hasOwn(defs, name) ? { ...told(defs[name], depth + 1), ...description } : ANY;
    }
    const members = [given.oneOf, given.anyOf].find(Array.isArray) as unknown[] | undefined;
    if (members !== undefined && members.length > 0) return { oneOf: members.map((one) => told(one, depth + 1)), ...description };
    if (Array.isArray(given.allOf)) return given.allOf.length === 1 ? { ...told(given.allOf[0], depth + 1), ...description } : ANY;
    if (given.const !== undefined) return isLiteral(given.const) ? { const: given.const, ...description } : ANY;
    if (Array.isArray(given.enum)) return given.enum.length > 0 && given.enum.every(isLiteral) ? { enum: given.enum, ...description } : ANY;
    const types = Array.isArray(given.type) ? given.type : [given.type ?? (isSchema(given.properties) ? "object" : undefined)];
    if (types.length > 1) return { oneOf: types.map((type) => told({ ...given, type }, depth + 1)), ...description };
    return { ...typed(given, types[0], depth), ...description };
  };
  const typed = (given: Schema, type: unknown, depth: number): Schema => {
    if (type === "object") return object(given, depth);
    if (type === "array")
      return {
        type,
        ...(given.items === undefined ? {} : { items: told(given.items, depth + 1) }),
        ...counted(given, "minItems"),
        ...counted(given, "maxItems"),
      };
    if (type === "string")
      return FORMATS.has(given.format) ? { type, format: given.format } : { type, ...counted(given, "minLength"), ...counted(given, "maxLength") };
    return PLAIN.has(type) ? { type } : ANY;
  };
  const object = (given: Schema, depth: number): Schema => {
    const own = Object.entries(isSchema(given.properties) ? given.properties : {});
    const required: readonly unknown[] = Array.isArray(given.required) ? given.required : [];
    const properties = own.map(([name, one]) => {
      const said = told(one, depth + 1);
      return [name, absent === "never" || required.includes(name) ? said : { oneOf: [said, { type: "null" }] }];
    });
    const { additionalProperties: more } = given;
    const open = isSchema(more) ? told(more, depth + 1) : own.length === 0 && more !== false;
    return { type: "object", properties: Object.fromEntries(properties), additionalProperties: open };
  };
  return told(schema, 0);
}

function counted(given: Schema, name: string): Schema {
  const count = given[name];
  return typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= MOST_COUNTED ? { [name]: count } : {};
}
