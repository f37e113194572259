import type { Manifest } from "../schema/extension.ts";

/** What every extension may need until its own end: its store, its network, its walls. */
const OF_ALL: readonly string[] = [
  "plinth.kv-store",
  "plinth.egress",
  "plinth.file-access",
  "plinth.program-runner",
  "plinth.secret-source",
  "plinth.policy",
  "plinth.audit",
  "plinth.tier",
];

interface Standing {
  readonly record: { readonly manifest: Manifest };
}

/**
 * In which order a whole set ends: who uses something before who provides it, so that what ends can still write down what
 * became of its work. Those that use each other, by whatever way round, end together.
 */
export function stopOrder<T extends Standing>(all: readonly T[]): T[][] {
  const providers = new Map<string, T[]>();
  for (const one of all) {
    for (const { contract } of one.record.manifest.provides ?? []) providers.set(contract, [...(providers.get(contract) ?? []), one]);
  }
  const serves = new Map(all.map((one) => [one, new Set(needed(one, providers))]));
  // Through whom however many others, as well.
  for (const served of serves.values()) for (const one of served) for (const further of serves.get(one) as Set<T>) served.add(further);
  const left = new Set(all);
  const layers: T[][] = [];
  while (left.size > 0) {
    const layer = [...left].filter((one) => [...left].every((user) => !serves.get(user)?.has(one) || serves.get(one)?.has(user)));
    for (const one of layer) left.delete(one);
    layers.push(layer);
  }
  return layers;
}

function needed<T extends Standing>(one: T, providers: ReadonlyMap<string, T[]>): T[] {
  const { uses = [], provides = [] } = one.record.manifest;
  // What serves all is not served by its own kind: none of it could end first.
  const serving = provides.some(({ contract }) => OF_ALL.includes(contract));
  const contracts = [...uses.map(({ contract }) => contract), ...(serving ? [] : OF_ALL)];
  return contracts.flatMap((contract) => providers.get(contract) ?? []).filter((other) => other !== one);
}
