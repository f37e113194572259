import { property, schemaType } from "../schema-type.ts";
import type { Definition } from "./known-contracts.ts";

/** What gives the SDK the types of contracts that are not the product's. */
export function contractText(contracts: readonly Definition[]): string[] {
  if (contracts.length === 0) return [];
  const hooks = contracts.flatMap((one) => Object.entries(one.hooks ?? {}));
  return [
    "",
    'declare module "@plinth/sdk" {',
    "  interface Contracts {",
    ...contracts.flatMap(contractLines),
    "  }",
    ...(hooks.length === 0 ? [] : ["  interface Hooks {", ...hooks.map(hookLine), "  }"]),
    "}",
  ];
}

function contractLines({ id, title, version, descriptor, methods }: Definition): string[] {
  const comment = `${title} ${version}`.replaceAll("*/", "*\\/").replaceAll(/\s+/g, " ");
  const rows = Object.entries(methods).map(([name, { input, output, stream, optional }]) => {
    const result = stream === undefined ? `output: ${typeOf(output)}` : `stream: ${typeOf(stream)}`;
    return `        ${property(name)}: {\n          input: ${typeOf(input)};\n          ${result};\n${optional ? "          optional: true;\n" : ""}        };`;
  });
  return [
    `    /** ${comment} */`,
    `    ${JSON.stringify(id)}: ContractTypes<`,
    `      ${schemaType(descriptor, 3, false)},`,
    ...(rows.length === 0 ? ["      Record<string, never>"] : ["      {", ...rows, "      }"]),
    "    >;",
  ];
}

const hookLine = ([name, { mode, payload }]: [string, NonNullable<Definition["hooks"]>[string]]): string =>
  `    ${JSON.stringify(name)}: HookTypes<${JSON.stringify(mode)}, ${schemaType(payload, 2, false)}>;`;

/** A contract's payload: nobody fills its defaults in. */
const typeOf = (schema: unknown): string => (schema === undefined ? "unknown" : schemaType(schema, 5, false));
