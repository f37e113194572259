import { createPrivateKey, sign as signBytes, verify as verifyBytes } from "node:crypto";
import { importPublicKey, keyIdOf, type PublicKey, type PublisherKey } from "./signing.ts";

/** The wish to have a publisher's name in one registry, with one key. */
export interface Registration {
  /** The registry's name, as registry.json says it: what is signed for one is nothing in another. */
  registry: string;
  publisher: string;
  keyId: string;
  /** ISO 8601. */
  signedAt: string;
}

/**
 * What is signed, as UTF-8 text, in the manner of `signedPayload`:
 *
 *     plinth-publisher 1
 *     registry: "example"
 *     publisher: demo
 *     key: 0123456789abcdef
 *     signed: 2026-01-01T00:00:00.000Z
 */
function payloadOf({ registry, publisher, keyId, signedAt }: Registration): Buffer {
  // JSON keeps a line break in the registry's name from ending the line.
  return Buffer.from(`plinth-publisher 1\nregistry: ${JSON.stringify(registry)}\npublisher: ${publisher}\nkey: ${keyId}\nsigned: ${signedAt}\n`);
}

export function signRegistration(registration: Registration, key: PublisherKey): string {
  const privateKey = createPrivateKey({ key: Buffer.from(key.privateKey, "base64"), format: "der", type: "pkcs8" });
  return signBytes(null, payloadOf(registration), privateKey).toString("base64");
}

/** Broken input is a no. */
export function verifyRegistration(registration: Registration, signature: string, key: PublicKey): boolean {
  try {
    const publicKey = importPublicKey(key.publicKey);
    if (keyIdOf(publicKey) !== key.keyId || registration.keyId !== key.keyId) return false;
    return verifyBytes(null, payloadOf(registration), publicKey, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}
