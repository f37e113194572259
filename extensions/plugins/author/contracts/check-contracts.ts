import type { Manifest } from "@plinth/sdk";
import type { Row } from "../check/row.ts";
import { addCommand, type Definition, knownContracts, readDefiners, unknownContracts } from "./known-contracts.ts";

/** Whether each contract that is not the product's is known here, in the version that it is named in, and will be there for others. */
export async function checkContracts(dir: string, manifest: Manifest): Promise<Row[]> {
  const known = await knownContracts(dir, manifest);
  const definers = await readDefiners(dir);
  const unknown = unknownContracts(manifest, known);
  const notes = unknown.map((contract) => `Nothing here says what ${contract} is.`);
  let next = unknown[0] === undefined ? "Correct plinth.json." : `Run \`${addCommand(unknown[0])}\`.`;
  const { contractProblem, productContracts } = await import("@plinth/registry");
  const problem = contractProblem(manifest, definers, productContracts());
  if (problem !== null) notes.push(`${problem}.`);
  const idle = await withoutCode(manifest, known);
  if (idle.length > 0) {
    notes.push(`${idle.join(", ")}: called by its methods, which nobody answers without code.`);
    next = 'Add "entry": "./index.js" to plinth.json; its source is src/index.ts.';
  }
  for (const { id, defines = [] } of definers) {
    const named = [...(manifest.provides ?? []), ...(manifest.uses ?? [])].some(({ contract }) => defines.some((one) => one.id === contract));
    if (!named || Object.hasOwn(manifest.extensions ?? {}, id)) continue;
    notes.push(`${id} defines a contract of it and does not stand under \`extensions\`: it would not come along when somebody installs this.`);
    if (unknown[0] === undefined) next = `Run \`plinth contract add ${id}\`, or add "${id}" under \`extensions\`.`;
  }
  if (notes.length > 0) return [{ check: "contracts", status: "failed", detail: "These do not fit:", notes, next }];
  return known.length === 0
    ? []
    : [{ check: "contracts", status: "ok", detail: `${known.map(({ id, version }) => `${id} ${version}`).join(", ")}.` }];
}

/** What is provided without code and has methods that a provider has to have. */
async function withoutCode({ entry, provides = [] }: Manifest, known: readonly Definition[]): Promise<string[]> {
  if (entry !== undefined) return [];
  const { requiredMethods } = await import("@plinth/registry");
  const own = (contract: string) => Object.values(known.find(({ id }) => id === contract)?.methods ?? {}).filter(({ optional = false }) => !optional);
  return provides
    .filter(({ contract }) => requiredMethods(contract).length > 0 || own(contract).length > 0)
    .map(({ contract, id }) => `${contract}/${id}`);
}
