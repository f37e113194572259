import contractData from "@plinth/manifests/generated/contracts.js";

/** The product's own contracts with their versions. */
export function productContracts(): ReadonlyMap<string, string> {
  return new Map((contractData as { id: string; version: string }[]).map(({ id, version }) => [id, version]));
}

/** Methods that a provider of a contract of the product has to have; none of a contract that is not the product's. */
export function requiredMethods(contract: string): string[] {
  const found = (contractData as { id: string; methods: Record<string, { optional: boolean }> }[]).find(({ id }) => id === contract);
  return Object.entries(found?.methods ?? {}).flatMap(([name, { optional }]) => (optional ? [] : [name]));
}
