import contractData from "../generated/contracts.js";

export interface ContractShape {
  readonly id: string;
  readonly version: string;
  readonly cardinality: "one" | "many";
  readonly selection: string;
  /** A third party that provides it has to be chosen by an owner first. */
  readonly choice?: boolean;
  /** True for the product's own, whose validators are compiled; the schemas of third parties go through the guard. */
  readonly checked: boolean;
  readonly descriptor: unknown;
  /** Codes that its providers may fail with; those of third parties have none of their own. */
  readonly errors?: readonly string[];
  readonly methods: Readonly<
    Record<string, { deadlineMs: number; stream: boolean; optional: boolean; guarded?: boolean; in?: unknown; out?: unknown }>
  >;
  readonly hooks: Readonly<Record<string, { mode: string; deadlineMs: number; failure: "open" | "closed" }>>;
}

/** The product's own contracts. */
export const productContracts: ReadonlyMap<string, ContractShape> = new Map(
  (contractData as ContractShape[]).map((one) => [one.id, { ...one, checked: true }]),
);
