import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign as signBytes, verify as verifyBytes } from "node:crypto";
import type { Manifest, PackageVersion, Signature } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

export interface PublicKey {
  /** First 16 hex digits of the sha256 of the raw public key. */
  keyId: string;
  /** SPKI, DER, base64. */
  publicKey: string;
}

export interface SigningKey extends PublicKey {
  /** PKCS #8, DER, base64. */
  privateKey: string;
}

/** What a publisher keeps secret. `publisher` is the first part of the ids that the key signs for. */
export interface PublisherKey extends SigningKey {
  publisher: string;
}

export type Signable = Pick<PackageVersion, "version" | "integrity" | "size" | "publishedAt"> & {
  id: string;
  manifest: Manifest;
};

/**
 * What a signature covers, as UTF-8 text: a first line that names the format, then one `name: value` line each, in this
 * order, each ended by a newline. No value can hold a newline, so that no two packages give one text.
 *
 *     plinth-package 1
 *     id: demo.weather
 *     version: 1.0.0
 *     integrity: sha512-…            SRI of the tarball
 *     size: 4711                     bytes of the tarball
 *     manifest: 9f86d081…            sha256, hex, of the manifest as canonical JSON (sorted keys, no spaces)
 *     published: 2026-01-01T00:00:00.000Z
 */
export function signedPayload(of: Signable): string {
  const lines = [
    ["id", of.id],
    ["version", of.version],
    ["integrity", of.integrity],
    ["size", String(of.size)],
    ["manifest", createHash("sha256").update(canonicalJson(of.manifest)).digest("hex")],
    ["published", of.publishedAt],
  ];
  for (const [name, value] of lines) {
    if (/[\r\n]/.test(value!)) {
      throw new PlinthError("PLINTH_SIGNATURE", `The ${name} of ${JSON.stringify(of.id)} has a line break.`, {
        next: "Remove it.",
      });
    }
  }
  return `plinth-package 1\n${lines.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
}

export function sign(of: Signable, key: PublisherKey): Signature {
  return signText(signedPayload(of), key);
}

/** Whether the signature was made over exactly this by the owner of the key. Broken input is a no. */
export function verify(of: Signable, signature: Signature, key: PublicKey): boolean {
  try {
    return verifyText(signedPayload(of), signature, key);
  } catch {
    return false;
  }
}

/** Reading a key takes longer than signing with it. */
const privateKeys = new WeakMap<SigningKey, KeyObject>();

/** The same over any text; what is signed begins by naming its own format, so that one cannot pass for another. */
export function signText(text: string, key: SigningKey): Signature {
  const privateKey = privateKeys.get(key) ?? createPrivateKey({ key: Buffer.from(key.privateKey, "base64"), format: "der", type: "pkcs8" });
  privateKeys.set(key, privateKey);
  return { keyId: key.keyId, signature: signBytes(null, Buffer.from(text), privateKey).toString("base64") };
}

export function verifyText(text: string, signature: Signature, key: PublicKey): boolean {
  try {
    const publicKey = importPublicKey(key.publicKey);
    if (signature.keyId !== key.keyId || keyIdOf(publicKey) !== key.keyId) return false;
    const bytes = Buffer.from(signature.signature, "base64");
    // One signature has one spelling; anything else was edited.
    if (bytes.toString("base64") !== signature.signature) return false;
    return verifyBytes(null, Buffer.from(text), publicKey, bytes);
  } catch {
    return false;
  }
}

/** @throws when the text is not an ed25519 public key. */
export function importPublicKey(base64: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
  if (key.asymmetricKeyType !== "ed25519") throw new TypeError("not an ed25519 key");
  return key;
}

export function keyIdOf(publicKey: KeyObject): string {
  return hashOf(publicKey).slice(0, 16);
}

/** What people compare: the sha256 of the raw public key, 64 hex digits. A key's id is how it begins. */
export function fingerprintOf(key: PublicKey): string {
  return hashOf(importPublicKey(key.publicKey));
}

function hashOf(publicKey: KeyObject): string {
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url");
  return createHash("sha256").update(raw).digest("hex");
}
