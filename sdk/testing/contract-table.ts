import type { ContractDef, HookDef, Manifest, MethodDef } from "@plinth/manifests";
import { PlinthError } from "../extension/errors.ts";
import { type SchemaProblem, schemaProblems } from "./json-schema.ts";

export interface KnownHook extends HookDef {
  readonly name: string;
  /** Id of the contract whose providers fire it. */
  readonly contract: string;
}

/** The contracts and hooks that a test host knows: the product's and those that its extensions define. */
export interface ContractTable {
  contract(id: string): ContractDef;
  hook(name: string): KnownHook;
}

export async function loadContracts(manifests: readonly Manifest[]): Promise<ContractTable> {
  // Loaded on demand: the schemas cost far more to build than this file.
  const product = await import("@plinth/manifests");
  const contracts = new Map<string, ContractDef>(Object.entries(product.contracts as Record<string, ContractDef>));
  for (const manifest of manifests) {
    // Of several majors of one contract the newest: this host has no adapters.
    const major = ({ version }: { version: string }) => Number.parseInt(version, 10);
    const newest = (manifest.defines ?? []).filter((one, _at, all) => !all.some((other) => other.id === one.id && major(other) > major(one)));
    for (const definition of newest) {
      if (contracts.has(definition.id)) {
        throw new PlinthError("PLINTH_CAPABILITY_CONFLICT", `The contract "${definition.id}" is defined twice.`, {
          extension: manifest.id,
          next: "Rename one of them; a contract's id starts with its extension's id.",
        });
      }
      contracts.set(definition.id, { summary: definition.title, ...definition } as unknown as ContractDef);
    }
  }
  const hooks = new Map<string, KnownHook>();
  for (const definition of contracts.values()) {
    for (const [name, hook] of Object.entries(definition.hooks ?? {})) hooks.set(name, { ...hook, name, contract: definition.id });
  }
  return {
    contract: (id) => known(contracts.get(id), "contract", id),
    hook: (name) => known(hooks.get(name), "hook", name),
  };
}

function known<T>(found: T | undefined, kind: string, name: string): T {
  if (found) return found;
  throw new PlinthError("PLINTH_CONTRACT_UNKNOWN", `There is no ${kind} "${name}".`, {
    next: `Check the spelling, or add the extension that defines this ${kind} to the test host: its manifest, or what \`plinth contract add\` kept of it, is enough.`,
  });
}

/** Check one payload of a contract's method, for tests: `contractProblems("plinth.tool", "call", "output", value)`. */
export async function contractProblems(
  contract: string,
  method: string,
  part: "input" | "output" | "item",
  value: unknown,
): Promise<SchemaProblem[]> {
  const definition = (await loadContracts([])).contract(contract).methods[method];
  if (!definition) throw new PlinthError("PLINTH_CONTRACT_UNKNOWN", `The contract "${contract}" has no method "${method}".`);
  return schemaProblems(partOf(definition, part), value);
}

export function partOf(definition: MethodDef, part: "input" | "output" | "item"): unknown {
  return part === "item" ? definition.stream : definition[part];
}
