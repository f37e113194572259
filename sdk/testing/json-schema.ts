import { PlinthError } from "../extension/errors.ts";

export interface SchemaProblem {
  path: string;
  message: string;
}

interface Validator {
  (value: unknown): unknown;
  errors?: { instancePath: string; message?: string; params?: Record<string, unknown> }[] | null;
}
interface Ajv {
  compile(schema: object): Validator;
}

let engines: Promise<{ check: Ajv; fill: Ajv }> | undefined;
const compiled = new WeakMap<object, Validator>();

/** Problems of `value` against a JSON Schema 2020-12; [] = it fits. */
export async function schemaProblems(schema: unknown, value: unknown): Promise<SchemaProblem[]> {
  if (schema === true || typeof schema !== "object" || schema === null) return [];
  let validator = compiled.get(schema);
  if (!validator) {
    const { check } = await load();
    try {
      validator = check.compile(schema);
    } catch (error) {
      return [{ path: "", message: `the schema itself is not valid: ${(error as Error).message}` }];
    }
    compiled.set(schema, validator);
  }
  return run(validator, value);
}

/** A copy of `value` with the schema's defaults filled in, and what does not fit. */
export async function withDefaults<T>(schema: object, value: T): Promise<{ value: T; problems: SchemaProblem[] }> {
  const copy = structuredClone(value);
  const { fill } = await load();
  return { problems: run(fill.compile(schema), copy), value: copy };
}

function run(validator: Validator, value: unknown): SchemaProblem[] {
  if (validator(value)) return [];
  return (validator.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = params?.additionalProperty ?? params?.allowedValues;
    return { path: instancePath, message: `${message ?? "does not fit"}${extra === undefined ? "" : ` (${String(extra)})`}` };
  });
}

/** Ajv costs 30 ms to load, so that only tests that check something pay for it. */
function load(): Promise<{ check: Ajv; fill: Ajv }> {
  engines ??= import("ajv/dist/2020.js").then(
    (module) => {
      const Engine = (module as { Ajv2020?: unknown }).Ajv2020 as new (options: object) => Ajv;
      const options = { strict: false, allErrors: true, validateFormats: false, addUsedSchema: false };
      return { check: new Engine(options), fill: new Engine({ ...options, useDefaults: true }) };
    },
    (cause) => {
      engines = undefined;
      throw new PlinthError("PLINTH_TEST_AJV", "The test host cannot check schemas because `ajv` is not installed.", {
        next: "Run `npm install --save-dev ajv`, or pass `validate: false` to createTestHost.",
        cause,
      });
    },
  );
  return engines;
}
