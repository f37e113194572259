/** Puts what several schemas say together into one, which takes at least what they take. */
export type Schema = Record<string, any>;

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const isClosed = (schema: unknown): boolean => isSchema(schema) && schema.additionalProperties === false && schema.patternProperties === undefined;
const propertiesOf = (schema: unknown): Schema => (isSchema(schema) && isSchema(schema.properties) ? schema.properties : {});
const requiredOf = (schema: unknown): string[] => (isSchema(schema) && Array.isArray(schema.required) ? schema.required : []);
const own = (properties: Schema, name: string): unknown => (Object.hasOwn(properties, name) ? properties[name] : undefined);

/** What all members say at once: properties that are not there yet, and what each requires. What is closed in a member is not. */
export function withAll(base: Schema, members: readonly unknown[]): Schema {
  const properties = { ...propertiesOf(base) };
  for (const member of members)
    for (const [name, schema] of Object.entries(propertiesOf(member))) if (!Object.hasOwn(properties, name)) properties[name] = schema;
  const type = base.type ?? members.find((member) => isSchema(member) && member.type !== undefined)?.["type" as never];
  return put(base, properties, [...requiredOf(base), ...members.flatMap(requiredOf)], type);
}

/**
 * What at least one member says. A property that every member has, or whose absence means that it may not be there, is what any
 * of them says; one that a member leaves open may be anything.
 */
export function withAny(base: Schema, members: readonly unknown[]): Schema {
  const properties = { ...propertiesOf(base) };
  for (const name of new Set(members.flatMap((member) => Object.keys(propertiesOf(member))))) {
    if (Object.hasOwn(properties, name)) continue;
    const said = members.map((member) => own(propertiesOf(member), name)).filter((schema) => schema !== undefined);
    const isOpen = members.some((member) => own(propertiesOf(member), name) === undefined && !isClosed(member));
    properties[name] = isOpen ? described(said) : oneOfMany(said);
  }
  const [first = [], ...others] = members.map(requiredOf);
  const everywhere = first.filter((name) => others.every((required) => required.includes(name)));
  return put(base, properties, [...requiredOf(base), ...everywhere], base.type);
}

function put(base: Schema, properties: Schema, required: readonly string[], type: unknown): Schema {
  const names = [...new Set(required)];
  return {
    ...base,
    ...(type === undefined ? {} : { type }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(names.length === 0 ? {} : { required: names }),
  };
}

function oneOfMany(schemas: readonly unknown[]): unknown {
  const different = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
  return different.length === 1 ? different[0] : { anyOf: different };
}

function described(schemas: readonly unknown[]): Schema {
  const words = schemas.flatMap((schema) => (isSchema(schema) && typeof schema.description === "string" ? [schema.description] : []));
  return words.length === 0 ? {} : { description: words[0] };
}
