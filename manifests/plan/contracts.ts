import semver from "semver";
import contractData from "../generated/contracts.js";

export interface ContractShape {
  readonly id: string;
  /** What it is found by: its id for the newest major, `id@1` for an older one. */
  readonly key: string;
  readonly version: string;
  readonly cardinality: "one" | "many";
  readonly selection: string;
  /** A third party that provides it has to be chosen by an owner first. */
  readonly choice?: boolean;
  /** True for the product's own, whose validators are compiled; the schemas of third parties go through the guard. */
  readonly checked: boolean;
  /** Of third parties: the schema of what a provider states. */
  readonly descriptor?: unknown;
  /** Codes that its providers may fail with; those of third parties have none of their own. */
  readonly errors?: readonly string[];
  readonly methods: Readonly<
    Record<string, { deadlineMs: number; stream: boolean; optional: boolean; guarded?: boolean; in?: unknown; out?: unknown }>
  >;
  readonly hooks: Readonly<Record<string, { mode: string; deadlineMs: number; failure: "open" | "closed" }>>;
}

/** The product's own contracts, by key. */
export const productContracts: ReadonlyMap<string, ContractShape> = new Map(
  (contractData as ContractShape[]).map((one) => [one.key, { ...one, checked: true }]),
);

export const majorOf = (version: string): number => Number.parseInt(version, 10);

/** The shapes of one contract, newest first: each major that its owner still serves. */
export function majorsOf(contracts: ReadonlyMap<string, ContractShape>, id: string): ContractShape[] {
  const newest = contracts.get(id);
  if (newest === undefined) return [];
  const older = [...contracts.values()].filter((one) => one.id === id && one !== newest);
  return [newest, ...older.sort((a, b) => majorOf(b.version) - majorOf(a.version))];
}

/** The shape that a provider of this version has. */
export const shapeOfVersion = (contracts: ReadonlyMap<string, ContractShape>, id: string, version: string): ContractShape | undefined =>
  newestThat(contracts, id, (one) => majorOf(one.version) === majorOf(version));

/** The shape that a consumer speaks: the newest one that its range admits. */
export const shapeInRange = (contracts: ReadonlyMap<string, ContractShape>, id: string, range: string): ContractShape | undefined =>
  newestThat(contracts, id, (one) => semver.satisfies(one.version, range));

/** Nearly always it is the newest of all; a plan asks for each thing that is provided or used. */
function newestThat(contracts: ReadonlyMap<string, ContractShape>, id: string, fits: (one: ContractShape) => boolean): ContractShape | undefined {
  const newest = contracts.get(id);
  return newest === undefined || fits(newest) ? newest : majorsOf(contracts, id).find(fits);
}
