import type { Manifest } from "../schema/extension.ts";
import { type ContractShape, majorOf, majorsOf } from "./contracts.ts";

export const ADAPTER = "plinth.contract-adapter";

/** What its provider states. */
interface Stated {
  readonly contract: string;
  readonly older: number;
  readonly newer: number;
  readonly callers: readonly ("older" | "newer")[];
}

/** Turns calls of one major of a contract into those of another. */
export interface Adapter extends Stated {
  /** The contract's owner. */
  readonly extension: string;
  readonly id: string;
}

type Candidates = ReadonlyMap<string, { readonly manifest: Manifest; readonly bundled: boolean }>;

/** Why a provider may not adapt this contract; null = it may. Nobody stands between others but the contract's own owner. */
export function notItsOwner(manifest: Manifest, ours: boolean, descriptor: unknown, contracts: ReadonlyMap<string, ContractShape>): string | null {
  const { contract, older, newer } = descriptor as Stated;
  const shapes = majorsOf(contracts, contract);
  const owns = manifest.defines?.some((one) => one.id === contract) === true || (ours && shapes[0]?.checked === true);
  if (!owns) return `that it defines ${contract}, whose payloads it adapts`;
  const missing = [older, newer].find((major) => !shapes.some((one) => majorOf(one.version) === major));
  return missing === undefined && older < newer ? null : `the majors ${older} and ${newer} of ${contract}`;
}

/** All adapters there are. Pure; the first by id where there are two for the same. */
export function planAdapters(candidates: Candidates, note: (id: string, reason: string) => void): Adapter[] {
  const adapters: Adapter[] = [];
  for (const [extension, { manifest }] of candidates) {
    for (const { contract, id, descriptor } of manifest.provides ?? []) {
      if (contract !== ADAPTER) continue;
      const stated = descriptor as Stated;
      adapters.push({ ...stated, extension, id });
      note(
        stated.contract,
        `majors ${stated.older} and ${stated.newer} work together: ${extension}/${id} adapts calls of the ${stated.callers.join(" and the ")} one`,
      );
    }
  }
  return adapters;
}

/** The adapter between what a consumer speaks and what a provider does; undefined where they cannot work together. */
export function adapterBetween(
  adapters: readonly Adapter[],
  consumer: ContractShape,
  provider: ContractShape,
): { adapter: Adapter; caller: "older" | "newer" } | undefined {
  const [asks, answers] = [majorOf(consumer.version), majorOf(provider.version)];
  const caller = asks < answers ? "older" : "newer";
  const adapter = adapters.find(
    (one) =>
      one.contract === consumer.id && one.older === Math.min(asks, answers) && one.newer === Math.max(asks, answers) && one.callers.includes(caller),
  );
  return adapter === undefined ? undefined : { adapter, caller };
}

/** Say of each extension that speaks an older major what carries its words to the others. */
export function noteOlder(
  candidates: Candidates,
  adapters: readonly Adapter[],
  spoken: (contract: string, wanted: { version: string } | { range: string }) => ContractShape | undefined,
  newest: (contract: string) => ContractShape | undefined,
  note: (id: string, reason: string) => void,
): void {
  for (const [id, { manifest }] of candidates) {
    const say = (contract: string, does: "uses" | "provides", shape: ContractShape | undefined): void => {
      const now = newest(contract);
      if (shape === undefined || now === undefined || shape === now) return;
      const [consumer, provider] = does === "uses" ? [shape, now] : [now, shape];
      const found = adapterBetween(adapters, consumer, provider)?.adapter;
      const how = found === undefined ? "nothing adapts it" : `${found.extension}/${found.id} adapts it`;
      note(id, `${does} ${contract} ${majorOf(shape.version)}, whose newest major is ${majorOf(now.version)}: ${how}`);
    };
    for (const { contract, range } of manifest.uses ?? []) say(contract, "uses", spoken(contract, { range }));
    for (const { contract, version } of manifest.provides ?? []) say(contract, "provides", spoken(contract, { version }));
  }
}
