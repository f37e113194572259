import type { RegistryRoot } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { importPublicKey, keyIdOf, type PublicKey } from "../signing.ts";
import type { Signers } from "./envelope.ts";
import { type Delegation, lineageOf } from "./publisher-keys.ts";

/** A key that is believed, and since when. */
export interface PinnedKey extends PublicKey {
  /** ISO 8601; undefined: since before this was kept. */
  since?: string;
}

/** Which registry somebody is known from. */
export interface RegistryIdentity {
  /** `root-` and its key set where it signs its state, `address-` and the hash of its canonical address where not. */
  identity: string;
  /** The address's own identity: what was pinned there before the registry began to sign counts on. */
  address: string;
}

/**
 * Where the caller keeps the keys that publishers were first met with: apart for each registry, so that none can speak
 * for a publisher of another one.
 */
export interface KeyPins {
  get(publisher: string, registry: RegistryIdentity): Promise<PinnedKey[] | undefined> | PinnedKey[] | undefined;
  set(publisher: string, keys: PublicKey[], registry: RegistryIdentity): Promise<void> | void;
}

/** What may be kept of a package once an owner has consented to it. */
export interface Learned {
  registry: RegistryIdentity;
  publisher: string;
  keys: PublicKey[];
  /** The package's id. */
  package: string;
}

/** How long a host that knows a publisher's old key waits before it follows one that only the registry vouches for. */
export const RECOVERY_WAIT_MS = 7 * 86_400_000;

export interface TrustedKeys {
  keys: PinnedKey[];
  /** true: other keys than the pinned ones; the caller pins them once an owner has consented to a package of theirs. */
  changed: boolean;
  /** true: nothing was pinned yet. */
  first: boolean;
  /** Keys that the registry's recovery vouches for and that are not followed yet, with the time when they will be. */
  waiting: { keyId: string; until: Date }[];
}

/**
 * The keys that may sign for a publisher, in a registry that signs nothing itself. The first meeting believes the
 * registry; from then on only the pinned keys count, whatever the registry says, so that a taken-over registry cannot
 * speak for a known publisher.
 *
 * @throws PLINTH_SIGNATURE when the registry knows no usable key, PLINTH_KEY_CHANGED when it dropped the pinned ones.
 */
export async function trustedKeys(publisher: string, root: Pick<RegistryRoot, "keys">, pinned: PinnedKey[] | undefined): Promise<TrustedKeys> {
  const offered = (Object.hasOwn(root.keys, publisher) ? root.keys[publisher]! : []).filter(isGenuine);
  if (offered.length === 0) throw noKey(publisher);
  if (pinned === undefined || pinned.length === 0) return { keys: offered, changed: true, first: true, waiting: [] };
  const kept = pinned.filter((pin) => offered.some((key) => key.keyId === pin.keyId && key.publicKey === pin.publicKey));
  if (kept.length === 0) throw keyChanged(publisher);
  return { keys: kept, changed: false, first: false, waiting: [] };
}

/**
 * The same in a registry that signs: the pins follow a key that the old one has signed, and, after a waiting period that
 * begins when this host first met it, one that the registry's recovery has.
 */
export async function delegatedKeys(
  delegation: Delegation,
  pinned: PinnedKey[] | undefined,
  recovery: Signers,
  met: (keyId: string) => Promise<Date>,
  now: Date,
): Promise<TrustedKeys> {
  const { publisher } = delegation;
  const offered = delegation.keys.map(({ keyId, publicKey }) => ({ keyId, publicKey })).filter(isGenuine);
  if (offered.length === 0) throw noKey(publisher);
  if (pinned === undefined || pinned.length === 0) return { keys: offered, changed: true, first: true, waiting: [] };
  const due = new Map<string, Date>();
  let lineage = lineageOf(delegation, pinned, recovery, () => false);
  // A recovered key may itself have been followed by others: look again for each that is believed by now.
  for (let fresh = lineage.recovered; fresh.length > 0; ) {
    for (const { keyId } of fresh) due.set(keyId, new Date((await met(keyId)).getTime() + RECOVERY_WAIT_MS));
    lineage = lineageOf(delegation, pinned, recovery, ({ keyId }) => (due.get(keyId) ?? Number.POSITIVE_INFINITY) <= now);
    fresh = lineage.recovered.filter(({ keyId }) => !due.has(keyId));
  }
  if (lineage.keys.length === 0) throw keyChanged(publisher);
  const changed = lineage.keys.some(({ keyId }) => !pinned.some((pin) => pin.keyId === keyId));
  const keys = lineage.keys.map((key) => pinned.find(({ publicKey }) => publicKey === key.publicKey) ?? key);
  return { keys, changed, first: false, waiting: lineage.recovered.map(({ keyId }) => ({ keyId, until: due.get(keyId)! })) };
}

export function keyChanged(publisher: string): PlinthError {
  return new PlinthError("PLINTH_KEY_CHANGED", `The packages of ${publisher} are signed with another key than the one first trusted here.`, {
    next: `Ask ${publisher}, on another way than the registry, whether the key was changed. If so: plinth trust accept ${publisher}`,
  });
}

export function keyWaiting(publisher: string, keyId: string, until: Date): PlinthError {
  const message = `${publisher} has a new key, ${keyId}, for which the registry vouches but not the old key; it is followed from ${until.toISOString()} on.`;
  return new PlinthError("PLINTH_KEY_RECOVERY", message, {
    next: `Wait, or ask ${publisher}, on another way than the registry, and accept the key: plinth trust accept ${publisher}`,
    details: { publisher, keyId, until: until.toISOString() },
  });
}

function noKey(publisher: string): PlinthError {
  return new PlinthError("PLINTH_SIGNATURE", `The registry has no usable key for the publisher ${publisher}.`, {
    next: "Do not install its packages; tell who runs the registry.",
  });
}

function isGenuine({ keyId, publicKey }: PublicKey): boolean {
  try {
    return keyIdOf(importPublicKey(publicKey)) === keyId;
  } catch {
    return false;
  }
}
