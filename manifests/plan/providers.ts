import { errors } from "../errors.ts";
import type { Manifest, Provide } from "../schema/extension.ts";
import type { PlinthError } from "../wire/error.ts";
import { isOurs } from "./ours.ts";

export interface Offer {
  readonly extension: string;
  readonly provide: Provide;
}

export interface Choices {
  /** What the operator wrote, by contract or `contract/id`. */
  readonly wanted: Readonly<Record<string, string>>;
  /** The product's own choices; the operator's win. */
  readonly defaults: Readonly<Record<string, string>>;
}

/**
 * Who provides what: one extension for each contract and id, one for each slot. Pure: nothing depends on the order of
 * the candidates. Two equal claims are a problem that names both.
 */
export function chooseProviders(
  { wanted: operator, defaults }: Choices,
  candidates: ReadonlyMap<string, { readonly manifest: Manifest; readonly bundled: boolean; readonly own?: boolean }>,
  contracts: ReadonlyMap<string, { readonly cardinality: "one" | "many"; readonly checked: boolean }>,
  note: (id: string, reason: string) => void,
): {
  capabilities: Map<string, Map<string, Offer>>;
  slots: Map<string, string>;
  problems: PlinthError[];
} {
  const offers = new Map<string, Map<string, Offer[]>>();
  for (const [extension, { manifest }] of candidates) {
    for (const provide of manifest.provides ?? []) {
      const byId = offers.get(provide.contract) ?? new Map<string, Offer[]>();
      offers.set(provide.contract, byId.set(provide.id, [...(byId.get(provide.id) ?? []), { extension, provide }]));
    }
  }
  const problems: PlinthError[] = [];
  const slots = new Map<string, string>();
  const capabilities = new Map<string, Map<string, Offer>>();
  const choice = (key: string): string | undefined => operator[key] ?? (Object.hasOwn(defaults, key) ? defaults[key] : undefined);
  for (const [contract, byId] of [...offers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const chosen = new Map<string, Offer>();
    for (const [id, list] of [...byId].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const wanted = choice(`${contract}/${id}`);
      const winner = list.length === 1 ? list[0] : list.find((one) => one.extension === wanted);
      if (winner !== undefined) chosen.set(id, winner);
      else problems.push(contested(`${contract}/${id}`, list));
    }
    capabilities.set(contract, chosen);
    if (contracts.get(contract)?.cardinality !== "one") continue;
    const providers = [...chosen.values()];
    const wanted = choice(contract);
    // Who fills one of the product's own slots sees and decides for everybody: third parties only where an operator wrote so.
    const free = (id: string): boolean => isOurs(candidates.get(id) ?? { bundled: false }) || contracts.get(contract)?.checked !== true;
    const [only] = providers;
    const winner =
      wanted !== undefined
        ? providers.find((one) => one.extension === wanted)
        : providers.length === 1 && only && free(only.extension)
          ? only
          : undefined;
    if (winner !== undefined) {
      slots.set(contract, winner.provide.id);
      const why = operator[contract] ? "chosen in the configuration" : providers.length === 1 ? "the only provider" : "the product's default";
      note(contract, `filled by ${winner.extension}: ${why}`);
      note(winner.extension, `fills the slot ${contract}: ${why}`);
    } else if (wanted !== undefined) problems.push(errors.missing(`slots["${contract}"]`, wanted));
    else problems.push(contested(contract, providers));
  }
  return { capabilities, slots, problems };
}

function contested(what: string, offers: readonly { extension: string }[]): PlinthError {
  const names = offers.map((one) => one.extension);
  return errors.conflict(names[0] ?? "", what, names);
}
