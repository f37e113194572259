import { createHash } from "node:crypto";
import { importPublicKey, type PublicKey, type SigningKey, signText, verifyText } from "../signing.ts";
import type { Head } from "./merkle-proof.ts";

const ED25519 = 1;

/**
 * The log's signed head in the format of C2SP checkpoints and signed notes, which witnesses and monitors of other
 * transparency logs read:
 *
 *     <origin>
 *     <size>
 *     <root, base64>
 *
 *     — <origin> <base64 of 4 bytes key hash and the signature>
 */
export function signCheckpoint(origin: string, { size, root }: Head, key: SigningKey): string {
  const text = `${origin}\n${size}\n${root.toString("base64")}\n`;
  const signature = Buffer.from(signText(text, key).signature, "base64");
  return `${text}\n— ${origin} ${Buffer.concat([keyHash(origin, key), signature]).toString("base64")}\n`;
}

/** The head that a checkpoint states, once one of the keys has signed it; undefined otherwise. */
export function readCheckpoint(note: string, origin: string, keys: readonly PublicKey[]): Head | undefined {
  const match = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n\n((?:— [^\n]+\n)+)$/.exec(note);
  if (match === null || match[1] !== origin) return undefined;
  const text = note.slice(0, note.indexOf("\n\n") + 1);
  for (const line of match[4]!.trimEnd().split("\n")) {
    const [, name, encoded = ""] = line.split(" ");
    const bytes = Buffer.from(encoded, "base64");
    for (const key of name === origin ? keys : []) {
      if (!bytes.subarray(0, 4).equals(keyHash(origin, key))) continue;
      const signature = bytes.subarray(4).toString("base64");
      if (verifyText(text, { keyId: key.keyId, signature }, key)) return { size: Number(match[2]), root: Buffer.from(match[3]!, "base64") };
    }
  }
  return undefined;
}

/** What a witness is told to know the log by: `origin+hash+key`. */
export function verifierKey(origin: string, key: PublicKey): string {
  const algorithmAndKey = Buffer.concat([Buffer.of(ED25519), rawKey(key)]).toString("base64");
  return `${origin}+${keyHash(origin, key).toString("hex")}+${algorithmAndKey}`;
}

function keyHash(origin: string, key: PublicKey): Buffer {
  return createHash("sha256").update(`${origin}\n`).update(Buffer.of(ED25519)).update(rawKey(key)).digest().subarray(0, 4);
}

const rawKey = (key: PublicKey): Buffer => Buffer.from(importPublicKey(key.publicKey).export({ format: "jwk" }).x!, "base64url");
