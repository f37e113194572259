import type { RegistryRoot } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { importPublicKey, keyIdOf, type PublicKey } from "./signing.ts";

/** Where the caller keeps the keys that publishers were first met with. */
export interface KeyPins {
  get(publisher: string): Promise<PublicKey[] | undefined> | PublicKey[] | undefined;
  set(publisher: string, keys: PublicKey[]): Promise<void> | void;
}

export interface TrustedKeys {
  keys: PublicKey[];
  /** true: nothing was pinned yet; the caller pins them once a package has proven good. */
  first: boolean;
}

/**
 * The keys that may sign for a publisher. The first meeting believes the registry; from then on only the pinned keys
 * count, whatever the registry says, so that a taken-over registry cannot speak for a known publisher.
 *
 * @throws PLINTH_SIGNATURE when the registry knows no usable key, PLINTH_KEY_CHANGED when it dropped the pinned ones.
 */
export async function trustedKeys(publisher: string, root: RegistryRoot, pins: KeyPins): Promise<TrustedKeys> {
  const offered = (Object.hasOwn(root.keys, publisher) ? root.keys[publisher]! : []).filter(isGenuine);
  if (offered.length === 0) {
    throw new PlinthError("PLINTH_SIGNATURE", `The registry has no usable key for the publisher ${publisher}.`, {
      next: "Do not install its packages; tell who runs the registry.",
    });
  }
  const pinned = await pins.get(publisher);
  if (pinned === undefined || pinned.length === 0) return { keys: offered, first: true };
  const kept = pinned.filter((pin) => offered.some((key) => key.keyId === pin.keyId && key.publicKey === pin.publicKey));
  if (kept.length === 0) throw keyChanged(publisher);
  return { keys: kept, first: false };
}

export function keyChanged(publisher: string): PlinthError {
  return new PlinthError("PLINTH_KEY_CHANGED", `The packages of ${publisher} are signed with another key than the one first trusted here.`, {
    next: `Ask ${publisher}, on another way than the registry, whether the key was changed. Until then nothing of it is installed.`,
  });
}

function isGenuine({ keyId, publicKey }: PublicKey): boolean {
  try {
    return keyIdOf(importPublicKey(publicKey)) === keyId;
  } catch {
    return false;
  }
}
