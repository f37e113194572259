import type { TrustRoot, TrustTimestamp } from "@plinth/manifests";
import type { ForkProof } from "./fork-proof.ts";

/** What a host remembers of a registry, so that it cannot be led back to an older state or into another history. */
export interface TrustState {
  /** The registry's identity: the key set of the first root that this host met. Older memories have none yet. */
  id?: string;
  /** When this host first met it; ISO 8601. */
  since?: string;
  /** Fingerprint of the registry's first root. */
  fingerprint?: string;
  root: TrustRoot;
  /** The newest versions that were accepted. */
  timestamp: number;
  snapshot: number;
  /** The timestamp with that number, as it was signed: another one under the same number is a fork. */
  stated?: TrustTimestamp;
  /** The log's head that was accepted last; the root is base64. */
  head: { size: number; root: string };
  /** The same as the log's key has signed it. */
  checkpoint?: string;
  /** From when on the log was seen to have so many events, oldest first; ISO 8601. */
  heads?: { size: number; at: string }[];
  /** When this host first met a publisher's recovered key, by `publisher/keyId`; ISO 8601. */
  recoveries?: Record<string, string>;
  /** The registry has been seen to tell two histories: nothing of it is believed any more. */
  fork?: ForkProof & { at: string };
}

/** Where the caller keeps it, apart for each registry. */
export interface TrustMemory {
  get(): Promise<TrustState | undefined> | TrustState | undefined;
  set(state: TrustState): Promise<void> | void;
  /** The state of a registry that was met under another address and whose root had one of these key sets. */
  find?(keySets: readonly string[]): Promise<TrustState | undefined>;
}

/** For callers that keep nothing between runs. */
export function forgetfulMemory(): TrustMemory {
  let state: TrustState | undefined;
  return { get: () => state, set: (next) => void (state = next) };
}

const MOST_HEADS = 64;

/** The heads with one more, thinned in their older half, so that a long life stays small. */
export function withHead(heads: NonNullable<TrustState["heads"]>, size: number, at: Date): NonNullable<TrustState["heads"]> {
  if (heads.at(-1)?.size === size) return heads;
  const all = [...heads, { size, at: at.toISOString() }];
  return all.length <= MOST_HEADS ? all : all.filter((_, index) => index >= MOST_HEADS / 2 || index % 2 === 0);
}

/** What this host saw of an event's age: not there yet at `after`, there at `by`. */
export function seenBetween(heads: NonNullable<TrustState["heads"]>, place: number): { after?: string; by?: string } {
  const after = heads.findLast(({ size }) => size <= place)?.at;
  const by = heads.find(({ size }) => size > place)?.at;
  return { ...(after === undefined ? {} : { after }), ...(by === undefined ? {} : { by }) };
}
