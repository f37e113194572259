import type { Manifest } from "@plinth/manifests";
import type { ProductContracts, Release } from "./release.ts";
import { rangeOf, versionOf } from "./version-index.ts";

/** Why an extension does not fit the contracts of the product and those that `others` define; null: it does. */
export function contractProblem(manifest: Manifest, others: readonly Manifest[], product: ProductContracts): string | null {
  const table = new ContractTable(product);
  for (const other of others) table.add(other.id, { version: other.version, manifest: other });
  const release = { version: manifest.version, manifest };
  return table.alone(manifest.id, release) ?? table.clash(manifest.id, release)?.problem ?? null;
}

interface Named {
  /** Who says so. */
  readonly id: string;
  /** Of the extension. */
  readonly version: string;
  readonly contract: string;
  /** A range that is used, or the version that is defined or provided. */
  readonly what: string;
}

/** What the chosen extensions say about contracts, by contract, so that a new one is compared with those that it concerns only. */
export class ContractTable {
  readonly #product: ProductContracts;
  /** One for each major that its owner serves. */
  readonly #defined = new Map<string, Named[]>();
  readonly #used = new Map<string, Named[]>();
  readonly #provided = new Map<string, Named[]>();

  constructor(product: ProductContracts) {
    this.#product = product;
  }

  add(id: string, { version, manifest }: Release): void {
    for (const { id: contract, version: what } of manifest.defines ?? []) put(this.#defined, { id, version, contract, what });
    for (const { contract, range } of manifest.uses ?? []) put(this.#used, { id, version, contract, what: range });
    for (const { contract, version: what } of manifest.provides ?? []) put(this.#provided, { id, version, contract, what });
  }

  remove(id: string, { manifest }: Release): void {
    for (const { id: contract } of manifest.defines ?? []) take(this.#defined, contract, id);
    for (const { contract } of manifest.uses ?? []) take(this.#used, contract, id);
    for (const { contract } of manifest.provides ?? []) take(this.#provided, contract, id);
  }

  has(contract: string): boolean {
    return this.#product.has(contract) || this.#defined.has(contract);
  }

  get names(): string[] {
    return [...this.#product.keys(), ...this.#defined.keys()];
  }

  /** Why a release can be with nobody, as far as the product's own contracts and its own go. */
  alone(id: string, release: Release): string | null {
    const { version, manifest } = release;
    const twice = (manifest.defines ?? []).find((one) => this.#product.has(one.id));
    if (twice !== undefined) return `${id} ${version} defines the contract ${twice.id}, which is defined already`;
    const own = (contract: string) => (manifest.defines ?? []).filter((one) => one.id === contract).map((one) => ({ what: one.version }));
    return (
      this.#unfit(id, release, (contract) => {
        const found = this.#product.get(contract);
        return found === undefined ? own(contract) : found.map((what) => ({ what }));
      })?.problem ?? null
    );
  }

  /** What a release and a chosen one disagree about, and who that is. */
  clash(id: string, release: Release): { problem: string; with: string } | null {
    const { version, manifest } = release;
    const defines = manifest.defines ?? [];
    for (const one of defines) {
      const majors = defines.filter((other) => other.id === one.id);
      const other = this.#defined.get(one.id)?.[0];
      if (other !== undefined)
        return { problem: `${other.id} ${other.version} defines the contract ${one.id}, which is defined already`, with: other.id };
      const user = this.#used.get(one.id)?.find(({ what }) => !majors.some(({ version: here }) => satisfies(here, what)));
      if (user !== undefined) return { problem: usesWrong(user.id, user.version, one.id, user.what, one.version), with: user.id };
      const provider = this.#provided.get(one.id)?.find(({ what }) => !majors.some(({ version: here }) => serves(what, here)));
      if (provider !== undefined)
        return { problem: providesWrong(provider.id, provider.version, one.id, provider.what, one.version), with: provider.id };
    }
    const found = this.#unfit(id, { version, manifest }, (contract) => this.#defined.get(contract) ?? []);
    return found === null ? null : { problem: found.problem, with: found.by as string };
  }

  #unfit(
    id: string,
    { version, manifest }: Release,
    definersOf: (contract: string) => readonly { what: string; id?: string }[],
  ): { problem: string; by: string | undefined } | null {
    for (const { contract, range } of manifest.uses ?? []) {
      const majors = definersOf(contract);
      const [there] = majors;
      if (there !== undefined && !majors.some(({ what }) => satisfies(what, range)))
        return { problem: usesWrong(id, version, contract, range, there.what), by: there.id };
    }
    for (const { contract, version: what } of manifest.provides ?? []) {
      const majors = definersOf(contract);
      const [there] = majors;
      if (there !== undefined && !majors.some((one) => serves(what, one.what)))
        return { problem: providesWrong(id, version, contract, what, there.what), by: there.id };
    }
    return null;
  }
}

function satisfies(version: string, range: string): boolean {
  const parsed = versionOf(version);
  return parsed !== null && rangeOf(range)?.test(parsed) === true;
}

/** Whether a provider of `version` can stand for a contract of version `owners`. */
function serves(version: string, owners: string): boolean {
  const [one, other] = [versionOf(version), versionOf(owners)];
  return one !== null && other !== null && one.major === other.major && one.compare(other) <= 0;
}

const usesWrong = (id: string, version: string, contract: string, range: string, here: string): string =>
  `${id} ${version} uses ${contract} ${range}, but ${here} is here`;
const providesWrong = (id: string, version: string, contract: string, provided: string, here: string): string =>
  `${id} ${version} provides ${contract} ${provided}, but ${here} is here`;

function put(table: Map<string, Named[]>, named: Named): void {
  const list = table.get(named.contract);
  if (list === undefined) table.set(named.contract, [named]);
  else list.push(named);
}

function take(table: Map<string, Named[]>, contract: string, id: string): void {
  const rest = (table.get(contract) ?? []).filter((one) => one.id !== id);
  if (rest.length === 0) table.delete(contract);
  else table.set(contract, rest);
}
