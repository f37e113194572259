import type { RegistryRoot } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { importPublicKey, keyIdOf, type PublicKey } from "../signing.ts";
import type { Signers } from "./envelope.ts";
import { type Delegation, lineageOf } from "./publisher-keys.ts";

/** Where the caller keeps the keys that publishers were first met with. */
export interface KeyPins {
  get(publisher: string): Promise<PublicKey[] | undefined> | PublicKey[] | undefined;
  set(publisher: string, keys: PublicKey[]): Promise<void> | void;
}

/** How long a host that knows a publisher's old key waits before it follows one that only the registry vouches for. */
export const RECOVERY_WAIT_MS = 7 * 86_400_000;

export interface TrustedKeys {
  keys: PublicKey[];
  /** true: other keys than the pinned ones; the caller pins them once a package has proven good. */
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
export async function trustedKeys(publisher: string, root: RegistryRoot, pins: KeyPins): Promise<TrustedKeys> {
  const offered = (Object.hasOwn(root.keys, publisher) ? root.keys[publisher]! : []).filter(isGenuine);
  if (offered.length === 0) throw noKey(publisher);
  const pinned = await pins.get(publisher);
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
  pins: KeyPins,
  recovery: Signers,
  met: (keyId: string) => Promise<Date>,
  now: Date,
): Promise<TrustedKeys> {
  const { publisher } = delegation;
  const offered = delegation.keys.map(({ keyId, publicKey }) => ({ keyId, publicKey })).filter(isGenuine);
  if (offered.length === 0) throw noKey(publisher);
  const pinned = await pins.get(publisher);
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
  return { keys: lineage.keys, changed, first: false, waiting: lineage.recovered.map(({ keyId }) => ({ keyId, until: due.get(keyId)! })) };
}

export function keyChanged(publisher: string): PlinthError {
  return new PlinthError("PLINTH_KEY_CHANGED", `The packages of ${publisher} are signed with another key than the one first trusted here.`, {
    next: `Ask ${publisher}, on another way than the registry, whether the key was changed. Until then nothing of it is installed.`,
  });
}

export function keyWaiting(publisher: string, keyId: string, until: Date): PlinthError {
  const message = `${publisher} has a new key, ${keyId}, for which the registry vouches but not the old key; it is followed from ${until.toISOString()} on.`;
  return new PlinthError("PLINTH_KEY_RECOVERY", message, {
    next: `Wait, or ask ${publisher}, on another way than the registry, and accept the key.`,
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
