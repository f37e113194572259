import type { Tier } from "@plinth/manifests";
import type { ContractShape } from "@plinth/manifests/plan/contracts.ts";
import type { CallOptions, CapabilityData } from "@plinth/manifests/wire/bridge.ts";

/** Whose code makes a call. */
export interface Caller {
  readonly id: string;
  readonly tier: Tier;
  readonly record: { readonly bundled: boolean };
}

/** Whoever answers the calls of a capability: an extension instance, or the kernel for its own contracts. */
export interface Answering {
  readonly id: string;
  /** Where its code runs; the kernel's own says nothing. */
  readonly tier?: Tier;
  invoke(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): Promise<unknown>;
  /** Throws where a payload that it made does not fit; the kernel answers for its own. */
  check?(contract: ContractShape, method: string, direction: "in" | "out", value: unknown): Promise<void>;
  stream(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): AsyncIterable<unknown>;
}

export interface CapabilityEntry {
  readonly contract: ContractShape;
  readonly id: string;
  readonly data: CapabilityData;
  readonly by: Answering;
}
