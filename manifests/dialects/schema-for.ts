import type { Dialect } from "./dialects.ts";
import { type Schema, withAll, withAny } from "./schema-root.ts";

/** What was changed in a schema, and where. */
export interface SchemaNote {
  /** JSON pointer into the schema that was given. */
  readonly path: string;
  /** One sentence. */
  readonly what: string;
  /** true: the new one refuses something that the given one takes, because the dialect cannot say it. */
  readonly narrower?: true;
}

/** Schemas of schemas: keywords whose value is a schema, a list of them, or some by name. */
const SINGLE = ["additionalProperties", "contains", "propertyNames", "not", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"];
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
const NAMED = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/** More than any schema that a person writes, references put in their places; beyond it anything is taken. */
const MOST_SCHEMAS = 4_000;
/** Deeper than any schema that a person writes; beyond it anything is taken. */
const DEEPEST = 24;

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const without = (schema: Schema, names: readonly string[]): Schema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)));

/**
 * A schema of a tool's input as a dialect takes it: pure, and the same when it is done again. It takes at least what the given
 * one takes; where the dialect cannot say that, a note is `narrower`. A tool's own check of its arguments stays what it was.
 *
 * @param schema JSON Schema 2020-12 or draft 7 of an object
 */
export function schemaFor(dialect: Dialect, schema: Readonly<Schema>): { schema: Schema; notes: SchemaNote[] } {
  const rewriting = new Rewriting(dialect, schema);
  return { schema: rewriting.root(), notes: rewriting.notes };
}

class Rewriting {
  readonly notes: SchemaNote[] = [];
  readonly #dialect: Dialect;
  readonly #whole: Schema;
  #schemas = 0;

  constructor(dialect: Dialect, whole: Schema) {
    this.#dialect = dialect;
    this.#whole = whole;
  }

  root(): Schema {
    let root = this.#referred(this.#whole, "", []) ?? {};
    const held = this.#dialect.notAtRoot.filter((name) => Object.hasOwn(root, name));
    for (const name of held) {
      this.#note("", `\`${name}\` may not stand at the root, and was put into one schema.`);
      const members = Array.isArray(root[name]) ? (root[name] as unknown[]).map((one) => this.#referred(one, "", []) ?? one) : [];
      const base = without(root, [name, ...(name === "if" ? ["then", "else"] : [])]);
      root = name === "allOf" ? withAll(base, members) : name === "anyOf" || name === "oneOf" ? withAny(base, members) : base;
    }
    if (held.length > 0) root = without(root, ["unevaluatedProperties"]);
    if (root.type !== "object") this.#note("", "The root is an object.");
    const made = this.#schema({ ...root, type: "object", properties: isSchema(root.properties) ? root.properties : {} }, "", [], 0);
    return isSchema(made) ? made : { type: "object", properties: {} };
  }

  /** @param seen references on the way here. */
  #schema(given: unknown, path: string, seen: readonly string[], depth: number): unknown {
    if (given === true || depth > DEEPEST || ++this.#schemas > MOST_SCHEMAS) return this.#anything({}, path);
    if (given === false) return this.#dialect.only === undefined ? false : this.#anything({}, path);
    if (!isSchema(given)) return given;
    const here = this.#dialect.references ? seen : [...seen, ...(typeof given.$ref === "string" ? [given.$ref] : [])];
    let schema = this.#dialect.references ? given : (this.#referred(given, path, seen) ?? {});
    schema = this.#taken(schema, path);
    if (this.#dialect.types === "single") schema = this.#singleType(schema, path);
    const made: Schema = {};
    for (const [name, value] of Object.entries(schema)) {
      const at = `${path}/${name}`;
      const one = (child: unknown, key: string): unknown => this.#schema(child, key, here, depth + 1);
      if (SINGLE.includes(name) && isSchema(value)) made[name] = one(value, at);
      else if (name === "items") made[name] = Array.isArray(value) ? value.map((child, n) => one(child, `${at}/${n}`)) : one(value, at);
      else if (LISTS.includes(name) && Array.isArray(value)) made[name] = value.map((child, n) => one(child, `${at}/${n}`));
      else if (NAMED.includes(name) && isSchema(value))
        made[name] = Object.fromEntries(
          Object.entries(value).map(([key, child]) => [key, one(child, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`)]),
        );
      else made[name] = value;
    }
    return this.#dialect.complete ? this.#completed(made, path) : made;
  }

  /** Without keywords that the dialect does not take; what would take less without one of them goes with it. */
  #taken(given: Schema, path: string): Schema {
    const { only, formats, without: refused = [] } = this.#dialect;
    // What takes more inside of one of these would make the whole take less.
    const unsafe = refused.length === 0 ? [] : ["oneOf", "not", "if", "then", "else"];
    const isTaken = (name: string): boolean => (only === undefined || only.includes(name)) && !refused.includes(name) && !unsafe.includes(name);
    let schema = given;
    if (!isTaken("allOf") && Array.isArray(schema.allOf)) schema = withAll(without(schema, ["allOf"]), schema.allOf);
    if (!isTaken("oneOf") && Array.isArray(schema.oneOf) && schema.anyOf === undefined)
      schema = { ...without(schema, ["oneOf"]), anyOf: schema.oneOf };
    if (!isTaken("const") && schema.const !== undefined && schema.enum === undefined)
      schema = { ...without(schema, ["const"]), enum: [schema.const] };
    const left = Object.keys(schema).filter((name) => !isTaken(name));
    if (left.includes("prefixItems") || (only !== undefined && Array.isArray(schema.items))) left.push("items");
    if (left.includes("patternProperties")) left.push("additionalProperties");
    if (formats !== undefined && typeof schema.format === "string" && !formats.includes(schema.format)) left.push("format");
    // That nothing else may be there is no loss: the tool's own check says it, and a model that is told of no other names gives none.
    const isTold = (name: string): boolean => Object.hasOwn(schema, name) && !/^(\$|default$|examples?$)/.test(name) && schema[name] !== false;
    const named = left.filter(isTold);
    if (named.length > 0) this.#note(path, `It does not take ${named.map((name) => `\`${name}\``).join(", ")}.`);
    return without(schema, left);
  }

  #completed(schema: Schema, path: string): Schema {
    const types = [schema.type].flat();
    const more: Schema = {};
    if (types.includes("object") && schema.properties === undefined) more.properties = {};
    if (types.includes("array") && schema.items === undefined) more.items = this.#anything({}, `${path}/items`);
    return { ...schema, ...more };
  }

  /** One type, with null told by `nullable`. */
  #singleType(given: Schema, path: string): Schema {
    const { enum: values, ...rest } = given;
    let schema = given;
    if (Array.isArray(values) && !values.every((value) => typeof value === "string")) {
      const isText = values.every((value) => typeof value === "string" || value === null);
      this.#note(path, "It takes text only in `enum`.");
      const texts = values.filter((value) => value !== null);
      schema = isText ? { ...rest, type: "string", nullable: true, ...(texts.length === 0 ? {} : { enum: texts }) } : rest;
    }
    const types = [schema.type].flat().filter((type): type is string => typeof type === "string");
    if (types.length > 0) {
      const [first, ...others] = types.filter((type) => type !== "null");
      const isNull = types.includes("null") || schema.nullable === true ? { nullable: true } : {};
      if (first === undefined) return { ...without(schema, ["type"]), type: "string", nullable: true };
      if (others.length === 0) return { ...schema, type: first, ...isNull };
      this.#note(path, "It takes one type at a time.");
      const { description, title, ...shared } = without(schema, ["type"]);
      if (shared.anyOf !== undefined) return { ...without(schema, ["type"]), ...isNull };
      return { ...present({ title, description }), anyOf: [first, ...others].map((type) => ({ ...shared, type, ...isNull })) };
    }
    if (schema.anyOf !== undefined) return schema;
    if (Array.isArray(schema.enum)) return { ...schema, type: "string" };
    return this.#anything(schema, path);
  }

  /** What takes anything. A dialect that wants a type is given the likeliest. */
  #anything(schema: Schema, path: string): Schema {
    if (this.#dialect.types === "any") return schema;
    const type = schema.properties !== undefined ? "object" : schema.items !== undefined ? "array" : "string";
    this.#note(path, `It takes no schema without a type; ${type} was put there.`, true);
    return { ...schema, type };
  }

  /** With what its reference names in its place; undefined where that leads nowhere, or round. */
  #referred(given: unknown, path: string, seen: readonly string[]): Schema | undefined {
    let schema = given;
    const way = [...seen];
    while (isSchema(schema) && typeof schema.$ref === "string") {
      const { $ref, ...rest } = schema;
      const found = way.includes($ref) ? undefined : pointed(this.#whole, $ref);
      way.push($ref);
      if (found === undefined) this.#note(path, `The reference ${JSON.stringify($ref)} leads nowhere, or round; anything is taken there.`);
      // What stands beside it holds too: the narrower of both cannot be said, so that the referred one alone is taken.
      schema = isSchema(found) ? { ...found, ...present({ description: rest.description, $defs: rest.$defs, definitions: rest.definitions }) } : {};
    }
    return isSchema(schema) ? schema : undefined;
  }

  #note(path: string, what: string, narrower = false): void {
    this.notes.push({ path, what, ...(narrower ? { narrower: true as const } : {}) });
  }
}

/** What a reference inside of the same schema points to. */
export function pointed(whole: Schema, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  let found: unknown = whole;
  for (const step of decodeURIComponent(reference.slice(1)).split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

const present = (fields: Schema): Schema => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
