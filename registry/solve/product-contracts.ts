import contractData from "@plinth/manifests/generated/contracts.js";
import type { ProductContracts } from "./release.ts";

interface Served {
  readonly id: string;
  readonly version: string;
  readonly methods: Readonly<Record<string, { optional: boolean }>>;
}

const majorOf = (version: string): number => Number.parseInt(version, 10);

/** The product's own contracts with the version of each major that it serves, newest first. */
export function productContracts(served = contractData as readonly Served[]): ProductContracts {
  const versions = new Map<string, string[]>();
  for (const { id, version } of served) versions.set(id, [...(versions.get(id) ?? []), version]);
  for (const each of versions.values()) each.sort((a, b) => majorOf(b) - majorOf(a));
  return versions;
}

/** Methods that a provider of a contract of the product has to have, in its newest major; none of a contract that is not the product's. */
export function requiredMethods(contract: string): string[] {
  const [newest] = (contractData as Served[]).filter(({ id }) => id === contract).sort((a, b) => majorOf(b.version) - majorOf(a.version));
  return Object.entries(newest?.methods ?? {}).flatMap(([name, { optional }]) => (optional ? [] : [name]));
}
