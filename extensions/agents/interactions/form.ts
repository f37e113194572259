import { hidesWithin, type InteractionField, PlinthError, visible } from "@plinth/sdk";

type Schema = Record<string, unknown>;
type Option = { id: string; label: string };

const MAX_SCHEMA = 16_384;
const MAX_FIELDS = 32;
const MAX_OPTIONS = 100;
const FORMATS = new Set(["email", "uri", "date", "date-time"]);
const LONGEST_TEXT = 8_000;

/** A form of one text. */
export const textSchema = (): Schema => ({
  type: "object",
  properties: { text: { type: "string", minLength: 1, maxLength: LONGEST_TEXT } },
  required: ["text"],
});

/** What a schema asks for, as surfaces show it: a flat object, as MCP's forms are. Anything else is refused before anybody is asked. */
export function fieldsOf(schema: Schema): InteractionField[] {
  if (JSON.stringify(schema).length > MAX_SCHEMA) throw invalid("The form is too large.");
  const properties = Object.entries(record(schema.properties));
  if (properties.length > MAX_FIELDS) throw invalid(`The form has more than ${MAX_FIELDS} fields.`);
  const required = Array.isArray(schema.required) ? schema.required : [];
  return properties.map(([name, given]) => fieldOf(name, record(given), required.includes(name)));
}

function fieldOf(name: string, schema: Schema, required: boolean): InteractionField {
  if (name === "" || name.length > 128 || hidesWithin([name])) throw invalid("The name of a field cannot be shown.");
  // What is secret is asked for as such, by the product, where it is not echoed and not kept.
  if (schema.format === "password" || schema.writeOnly === true) throw invalid(`The field ${name} asks for a secret, which a form may not.`);
  const { title, description, format } = schema;
  const shown = {
    name,
    title: fitted(typeof title === "string" && title.trim() !== "" ? title : name, 200),
    ...(typeof description === "string" && description !== "" ? { description: fitted(description, 1_000) } : {}),
    required,
    ...(isPlain(schema.default) && !hidesWithin(schema.default) ? { default: schema.default } : {}),
  };
  const one = optionsOf(schema);
  if (one !== undefined) return { ...shown, type: "choice", options: one };
  switch (schema.type) {
    case "string":
      return {
        ...shown,
        type: "text",
        ...(FORMATS.has(format as string) ? { format: format as "date" } : {}),
        ...(typeof schema.maxLength === "number" && schema.maxLength > 300 ? { long: true } : {}),
      };
    case "number":
    case "integer":
    case "boolean":
      return { ...shown, type: schema.type };
    case "array": {
      const options = optionsOf(record(schema.items));
      if (options !== undefined) return { ...shown, type: "choices", options };
    }
  }
  throw invalid(`The field ${visible(name, { max: 128 })} is neither a text, a number, yes or no, nor a choice.`);
}

/** `enum`, with `enumNames`, or `oneOf`/`anyOf` of constants with titles. */
function optionsOf(schema: Schema): Option[] | undefined {
  const names = Array.isArray(schema.enumNames) ? schema.enumNames : [];
  const listed = schema.oneOf ?? schema.anyOf;
  const options = Array.isArray(schema.enum)
    ? schema.enum.map((id, at) => ({ id, label: names[at] ?? id }))
    : Array.isArray(listed)
      ? listed.map((one) => ({ id: record(one).const, label: record(one).title ?? record(one).const }))
      : undefined;
  if (options === undefined) return undefined;
  if (options.length === 0 || options.length > MAX_OPTIONS || options.some(({ id }) => typeof id !== "string" || id === "" || id.length > 200))
    throw invalid(`A choice has 1 to ${MAX_OPTIONS} texts.`);
  return options.map(({ id, label }) => ({ id, label: fitted(String(label), 200) }));
}

/** Visible, and no longer than the contract lets it be. */
export const fitted = (text: string, max: number): string =>
  visible(text, { max: max - 40 })
    .slice(0, max)
    .toWellFormed();

/** What a person typed for a field, as its type wants it; what cannot be read stays as it is, and does not fit. */
export function typed(field: InteractionField, text: string): unknown {
  const said = text.trim();
  switch (field.type) {
    case "number":
    case "integer":
      return said !== "" && Number.isFinite(Number(said)) ? Number(said) : text;
    case "boolean":
      return /^(y|yes|true|on|1)$/i.test(said) ? true : /^(n|no|false|off|0)$/i.test(said) ? false : text;
    case "choice":
      return chosen(field.options ?? [], said) ?? text;
    case "choices":
      return said === "" ? [] : said.split(",").map((one) => chosen(field.options ?? [], one.trim()) ?? one.trim());
    default:
      return text;
  }
}

/**
 * An option as a person types it: by its place, which is the number that is shown, else by its label, else by its id, which is
 * not shown and could say anything. What two labels say is neither.
 */
export function chosen(options: readonly Option[], said: string): string | undefined {
  const place = /^\d{1,3}$/.test(said) ? options[Number(said) - 1] : undefined;
  if (place !== undefined) return place.id;
  const wanted = said.toLowerCase();
  const ways: ((one: Option) => boolean)[] = [
    ({ label }) => label === said,
    ({ label }) => label.toLowerCase() === wanted,
    ({ id }) => id === said,
    ({ id }) => id.toLowerCase() === wanted,
  ];
  const found = ways.map((isMeant) => options.filter(isMeant)).find((some) => some.length > 0);
  return found?.length === 1 ? found[0]?.id : undefined;
}

const record = (value: unknown): Schema => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {});

const isPlain = (value: unknown): boolean =>
  ["number", "boolean"].includes(typeof value) ||
  (typeof value === "string" && value.length <= LONGEST_TEXT) ||
  (Array.isArray(value) && value.length <= MAX_OPTIONS && value.every((one) => typeof one === "string" && one.length <= 200));

function invalid(message: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_INVALID", message, { next: "Ask with a flat form of texts, numbers, yes or no, and choices." });
}
