interface ConfigSchema {
  properties?: Record<string, { default?: unknown; "x-reload"?: unknown } | undefined>;
}

const propertiesOf = (schema: unknown) => Object.entries((schema as ConfigSchema | undefined)?.properties ?? {});

/** An extension's configuration with the defaults that its schema states. */
export function withDefaults(schema: unknown, config: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  const defaults = propertiesOf(schema).flatMap(([key, one]) => (one?.default === undefined ? [] : [[key, one.default] as const]));
  return { ...Object.fromEntries(defaults), ...config };
}

/** The part of a configuration whose change needs a new instance: all but what says `x-reload: hot`. */
export function coldPart(schema: unknown, config: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  const hot = new Set(propertiesOf(schema).flatMap(([key, one]) => (one?.["x-reload"] === "hot" ? [key] : [])));
  return Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => !hot.has(key)));
}

/** Give an object the values of another one, in place: whoever holds it sees them. */
export function replaceValues(held: Record<string, unknown>, values: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(held)) if (!Object.hasOwn(values, key)) delete held[key];
  for (const [key, value] of Object.entries(values))
    Object.defineProperty(held, key, { value, writable: true, enumerable: true, configurable: true });
}
