import type { Manifest } from "@plinth/sdk";
import { contractText } from "./contracts/contract-text.ts";
import type { Definition } from "./contracts/known-contracts.ts";
import { property, schemaType } from "./schema-type.ts";

/** The text of manifest.ts: the same manifest and contracts give the same text. */
export function manifestTypes(manifest: Manifest, contracts: readonly Definition[] = []): string {
  const provided = new Map<string, string[]>();
  for (const { contract, id } of manifest.provides ?? []) provided.set(contract, [...(provided.get(contract) ?? []), id]);
  const provides = [...provided].sort(([a], [b]) => (a < b ? -1 : 1)).map(([contract, ids]) => `    ${JSON.stringify(contract)}: ${union(ids)};\n`);
  const { secrets, env } = manifest.permissions ?? {};
  const rows = {
    provides: provides.length === 0 ? "{}" : `{\n${provides.join("")}  }`,
    uses: union((manifest.uses ?? []).map(({ contract }) => contract)),
    hooks: union((manifest.hooks ?? []).map(({ on }) => on)),
    config: manifest.config === undefined ? "Record<string, never>" : schemaType(manifest.config, 1),
    secrets: union(secrets ?? []),
    env: union(env ?? []),
  };
  return [
    "// Written by `plinth types` from plinth.json: change the manifest and run it again.",
    `import type { ${["ManifestTypes", ...imported(contracts)].sort().join(", ")} } from "@plinth/sdk";`,
    "",
    `/** What ${manifest.id} declares. */`,
    "export interface Manifest extends ManifestTypes {",
    ...Object.entries(rows).map(([name, type]) => `  ${property(name)}: ${type};`),
    "}",
    ...contractText(contracts),
    "",
  ].join("\n");
}

const imported = (contracts: readonly Definition[]): string[] => [
  ...(contracts.length > 0 ? ["ContractTypes"] : []),
  ...(contracts.some(({ hooks = {} }) => Object.keys(hooks).length > 0) ? ["HookTypes"] : []),
];

function union(names: readonly string[]): string {
  const all = [...new Set(names)].sort();
  return all.length === 0 ? "never" : all.map((name) => JSON.stringify(name)).join(" | ");
}
