import contractData from "@plinth/manifests/generated/contracts.js";

/** The product's own contracts with their versions. */
export function productContracts(): ReadonlyMap<string, string> {
  return new Map((contractData as { id: string; version: string }[]).map(({ id, version }) => [id, version]));
}
