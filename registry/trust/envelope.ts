import type { Signature } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { type PublicKey, type SigningKey, signText, verifyText } from "../signing.ts";

/** A document and the signatures over its canonical JSON. Its `type` keeps one kind from passing for another. */
export interface Signed<T> {
  signed: T;
  signatures: Signature[];
}

/** Keys that speak together: so many different ones of them must have signed. */
export interface Signers {
  keys: readonly PublicKey[];
  threshold: number;
}

export function signDocument<T>(signed: T, keys: readonly SigningKey[]): Signed<T> {
  const text = canonicalJson(signed);
  return { signed, signatures: keys.map((key) => signText(text, key)) };
}

/** @throws PLINTH_TRUST_THRESHOLD when too few of the keys have signed exactly this. */
export function assertSigned<T>(document: Signed<T>, by: Signers, what: string): T {
  if (countSigners(canonicalJson(document.signed), document.signatures, by.keys) >= by.threshold) return document.signed;
  throw new PlinthError("PLINTH_TRUST_THRESHOLD", `${what} is not signed by those who may: it needs ${by.threshold} of ${by.keys.length} keys.`, {
    next: "Install nothing from this registry until who runs it has explained this.",
  });
}

/** How many different keys have signed a text. A key that signed twice counts once. */
export function countSigners(text: string, signatures: readonly Signature[], keys: readonly PublicKey[]): number {
  return keys.filter((key) => signatures.some((signature) => signature.keyId === key.keyId && verifyText(text, signature, key))).length;
}
