import type { TrustRoot } from "@plinth/manifests";

/** What a host remembers of a registry, so that it cannot be led back to an older state or into another history. */
export interface TrustState {
  root: TrustRoot;
  /** The newest versions that were accepted. */
  timestamp: number;
  snapshot: number;
  /** The log's head that was accepted last; the root is base64. */
  head: { size: number; root: string };
  /** When this host first met a publisher's recovered key, by `publisher/keyId`; ISO 8601. */
  recoveries?: Record<string, string>;
}

/** Where the caller keeps it, apart for each registry's address. */
export interface TrustMemory {
  get(): Promise<TrustState | undefined> | TrustState | undefined;
  set(state: TrustState): Promise<void> | void;
}

/** For callers that keep nothing between runs. */
export function forgetfulMemory(): TrustMemory {
  let state: TrustState | undefined;
  return { get: () => state, set: (next) => void (state = next) };
}
