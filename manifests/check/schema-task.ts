import Ajv from "ajv/dist/2020.js";
import { PlinthError } from "../wire/error.ts";
import { explain, type ValidationError } from "./explain.ts";
import type { SchemaProblem } from "./guard.ts";

const MAX_CACHED = 256;
const cache = new Map<string, { (value: unknown): boolean; errors?: ValidationError[] | null }>();

/** Compiles and runs a schema of unknown origin, in a thread whose owner bounds its time and memory. */
export function checkSchema({ schema, value }: { schema: string; value: string }): SchemaProblem[] {
  let validate = cache.get(schema);
  if (validate === undefined) {
    if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
    validate = compile(schema);
    cache.set(schema, validate);
  }
  if (validate(JSON.parse(value))) return [];
  return (validate.errors ?? []).slice(0, 8).map((one) => problemOf(one));
}

/** An unknown key is named, with the one that was meant; of a value nothing is told back. */
function problemOf(error: ValidationError): SchemaProblem {
  if (error.keyword === "additionalProperties") return explain([error], undefined);
  return { path: error.instancePath, message: error.message ?? "does not fit" };
}

function compile(schema: string): (value: unknown) => boolean {
  const ajv = new Ajv({
    strict: false,
    allErrors: false,
    ownProperties: true,
    validateSchema: false,
    addUsedSchema: false,
    logger: false,
    useDefaults: false,
    // An error then has the schema beside it, and with it the keys that are known.
    verbose: true,
  });
  try {
    return ajv.compile(JSON.parse(schema) as object);
  } catch (thrown) {
    throw new PlinthError("PLINTH_SCHEMA", thrown instanceof Error ? thrown.message.slice(0, 300) : "it cannot be compiled");
  }
}
