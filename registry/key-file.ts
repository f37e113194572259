import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { makeFolders } from "@plinth/manifests/home/folders.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { keyIdOf, type PublisherKey } from "./signing.ts";
import { systemCode } from "./system-error.ts";

export const PUBLISHER = /^[a-z][a-z0-9-]{0,38}$/;
const MAX_KEY_FILE = 16 * 1024;
/** What stands before the 32 secret bytes in an ed25519 PKCS #8 document (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

export function generateKey(publisher: string): PublisherKey {
  return toKey(publisher, generateKeyPairSync("ed25519").privateKey);
}

/** The key that 32 given bytes stand for: for builds that must give the same bytes twice. */
export function keyFromSeed(publisher: string, seed: Uint8Array): PublisherKey {
  if (seed.length !== 32) throw new PlinthError("PLINTH_KEY_INVALID", "A key's seed has 32 bytes.", { next: "Pass 32 bytes." });
  return toKey(publisher, createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" }));
}

/** Write a key that only its owner can read. An existing file is never replaced. */
export async function writeKeyFile(path: string, key: PublisherKey): Promise<void> {
  makeFolders(dirname(path), 0o700);
  const file = await open(path, "wx", 0o600).catch((error) => {
    throw systemCode(error) === "EEXIST"
      ? new PlinthError("PLINTH_KEY_EXISTS", `There is a key in ${path} already.`, {
          next: "Use it, or choose another file.",
        })
      : error;
  });
  try {
    await file.writeFile(prettyJson(key));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Read a key file. One that others can read is refused, as is one whose halves do not belong together. */
export async function readKeyFile(path: string): Promise<PublisherKey> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    throw new PlinthError("PLINTH_KEY_MISSING", `The key file ${path} cannot be opened (${systemCode(error)}).`, {
      next: "Make one with `plinth keygen PUBLISHER`, or name another file with --key.",
      cause: error,
    });
  });
  try {
    const stat = await file.stat();
    if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
      throw new PlinthError("PLINTH_KEY_MODE", `Others on this machine can read the key file ${path}.`, {
        next: `Run \`chmod 600 ${path}\`, and make a new key when somebody may have copied it.`,
      });
    }
    if (!stat.isFile() || stat.size > MAX_KEY_FILE) throw invalid(path, "it is not a small plain file");
    return parseKey(await file.readFile("utf8"), path);
  } finally {
    await file.close();
  }
}

function parseKey(text: string, path: string): PublisherKey {
  let key: PublisherKey;
  let whole: PublisherKey;
  try {
    key = JSON.parse(text);
    whole = toKey(key.publisher, createPrivateKey({ key: Buffer.from(key.privateKey, "base64"), format: "der", type: "pkcs8" }));
  } catch (cause) {
    throw cause instanceof PlinthError ? cause : invalid(path, "it holds no ed25519 key", cause);
  }
  if (whole.keyId !== key.keyId || whole.publicKey !== key.publicKey) throw invalid(path, "its parts do not belong together");
  return whole;
}

function toKey(publisher: string, privateKey: KeyObject): PublisherKey {
  if (typeof publisher !== "string" || !PUBLISHER.test(publisher)) {
    throw new PlinthError("PLINTH_PUBLISHER_NAME", `${JSON.stringify(publisher)} cannot be a publisher's name.`, {
      next: "Use lower-case letters, digits and dashes, a letter first, at most 39 characters.",
    });
  }
  if (privateKey.asymmetricKeyType !== "ed25519") throw new TypeError("not an ed25519 key");
  const publicKey = createPublicKey(privateKey);
  return {
    publisher,
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64"),
    privateKey: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
  };
}

function invalid(path: string, why: string, cause?: unknown): PlinthError {
  return new PlinthError("PLINTH_KEY_INVALID", `${path} is not a usable key file: ${why}.`, {
    next: "Restore it from a backup, or make a new one with `plinth keygen PUBLISHER`.",
    cause,
  });
}
