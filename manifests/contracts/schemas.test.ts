import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import type { ContractDef } from "../define.ts";
import { contracts, pastContracts } from "./index.ts";

// The build compiles schemas without holding them to what a schema is: that is done here, once.
const ajv = new Ajv2020({ strict: false });
const wrong = (schema: unknown): string[] => (ajv.validateSchema(schema as object) ? [] : [ajv.errorsText()]);

it.each([...(Object.values(contracts) as ContractDef[]), ...pastContracts])("$id has schemas only", ({ descriptor, methods, hooks = {} }) => {
  const schemas = [descriptor, ...Object.values(methods).flatMap(({ input, output, stream }) => [input, output ?? stream])];
  expect([...schemas, ...Object.values(hooks).map(({ payload }) => payload)].flatMap((schema) => wrong(schema ?? {}))).toEqual([]);
});

it("what the product's gateway methods declare are schemas", async () => {
  const root = join(import.meta.dirname, "../..");
  const declared: unknown[] = [];
  for await (const path of glob("extensions/*/*/plinth.json", { cwd: root }))
    for (const { contract, descriptor } of JSON.parse(readFileSync(join(root, path), "utf8")).provides ?? [])
      if (contract === "plinth.gateway-method") declared.push(descriptor.params, descriptor.result, descriptor.events);
  expect(declared.length).toBeGreaterThan(0);
  expect(declared.flatMap((schema) => wrong(schema ?? {}))).toEqual([]);
});
