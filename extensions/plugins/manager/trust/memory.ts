import type { ForkProof, KnownRegistry, PinnedKey } from "@plinth/registry";
import type { Context } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import { addressOf, isOwn, marketplacesOf } from "../market/settings.ts";
import { addressShown, sinceWords } from "../market/trust-card.ts";

/** One registry, as this host remembers it. */
export interface Remembered {
  /** What the configuration calls it; undefined: it is not asked any more. */
  name?: string;
  address?: string;
  identity: string;
  signed: boolean;
  /** Comes with the product. */
  own: boolean;
  /** ISO 8601; undefined for one that signs nothing, or from before this was kept. */
  knownSince?: string;
  /** sha256 of its first root, as `--root` takes it. */
  fingerprint?: string;
  /** The log's head that was accepted last. */
  log?: { size: number; root: string; seen: { size: number; at: string }[] };
  /** It was seen to tell two histories. */
  fork?: ForkProof & { at: string };
  publishers: { publisher: string; keys: ShownKey[]; packages: string[] }[];
}

export interface ShownKey {
  /** sha256 of the public key, 64 hex digits. */
  fingerprint: string;
  /** ISO 8601; undefined: longer than this host keeps count. */
  knownSince?: string;
}

/** All that is remembered, the configured registries first, in their order. */
export async function remembered(ctx: Context, registries: Registries): Promise<Remembered[]> {
  const trust = await registries.trust();
  const known = await trust.registries();
  const { addressIdentity, fingerprintOf } = await import("@plinth/registry");
  const shown: Remembered[] = [];
  for (const place of marketplacesOf(ctx).filter(({ kind }) => kind !== "claude")) {
    const url = addressOf(place);
    const own = isOwn(place) ? "address-product" : addressIdentity(url);
    const identity = (await trust.at(url)) ?? own;
    const one = known.get(identity) ?? { identity, addresses: [], publishers: {} };
    // Who was known before the registry began to sign is known on.
    const before = identity === own ? {} : (known.get(own)?.publishers ?? {});
    shown.push({
      name: place.name,
      ...shownOf({ ...one, publishers: { ...before, ...one.publishers } }, fingerprintOf),
      own: isOwn(place),
      address: addressShown(url),
    });
    known.delete(own);
  }
  const named = new Set(shown.map(({ identity }) => identity));
  return [...shown, ...[...known.values()].filter(({ identity }) => !named.has(identity)).map((one) => shownOf(one, fingerprintOf))];
}

function shownOf({ identity, addresses, state, publishers }: KnownRegistry, fingerprintOf: (key: PinnedKey) => string): Remembered {
  const [address] = addresses;
  const keys = (of: readonly PinnedKey[]): ShownKey[] =>
    of.map((key) => ({ fingerprint: fingerprintOf(key), ...(key.since === undefined ? {} : { knownSince: key.since }) }));
  return {
    identity,
    ...(address === undefined ? {} : { address }),
    signed: state !== undefined,
    own: false,
    ...(state?.since === undefined ? {} : { knownSince: state.since }),
    ...(state?.fingerprint === undefined ? {} : { fingerprint: state.fingerprint }),
    ...(state === undefined ? {} : { log: { ...state.head, seen: state.heads ?? [] } }),
    ...(state?.fork === undefined ? {} : { fork: state.fork }),
    publishers: Object.entries(publishers)
      .map(([publisher, record]) => ({ publisher, keys: keys(record.keys), packages: record.packages }))
      .sort((a, b) => (a.publisher < b.publisher ? -1 : 1)),
  };
}

export function keyLine({ fingerprint, knownSince }: ShownKey, now: number): string {
  return `${fingerprint}, known here ${knownSince === undefined ? "for long" : sinceWords(knownSince, now)}`;
}
