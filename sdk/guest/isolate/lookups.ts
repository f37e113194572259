import { createHash, createHmac, createPublicKey, type Encoding, randomBytes, verify } from "node:crypto";

/**
 * What the process does for its isolates because the engine has no such thing: `R` random bytes, `U` addresses, `H` hashes,
 * `E` signatures of Ed25519, `D` what an encoding is.
 * Pure functions of their input and of the system's random source; strings in, strings out, everything bounded.
 */
export function answerLookup(text: string): string {
  const rest = text.slice(1);
  if (text[0] === "R") return randomBytes(Math.min(65_536, Math.max(0, Number(rest) || 0))).toString("base64");
  if (text[0] === "U") return parseAddress(JSON.parse(rest));
  if (text[0] === "H") return hash(rest);
  if (text[0] === "E") return String(isSigned(rest));
  if (text[0] === "D") return encodingOf(rest);
  return "";
}

const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;
const SETTABLE: ReadonlySet<string> = new Set(PARTS.filter((part) => part !== "origin"));

/** [address, base, part to set, its value] → the parts of the address, or nothing. */
function parseAddress(request: unknown): string {
  const [address, base, part, value] = Array.isArray(request) ? (request as unknown[]) : [];
  const url = URL.parse(String(address), base === null || base === undefined ? undefined : String(base));
  if (url === null) return "";
  if (typeof part === "string" && SETTABLE.has(part)) url[part as "href"] = String(value);
  return JSON.stringify(PARTS.map((one) => url[one]));
}

const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["SHA-1", "sha1"],
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);

/** algorithm,key in base64 or nothing,data in base64 → the hash, or with a key its HMAC, in base64. */
function hash(request: string): string {
  const [name = "", key = "", data = ""] = request.split(",", 3);
  const algorithm = ALGORITHMS.get(name.replace(/^HMAC:/, ""));
  if (algorithm === undefined) return "";
  const [from, to]: [Encoding, "base64"] = ["base64", "base64"];
  if (name.startsWith("HMAC:")) return createHmac(algorithm, Buffer.from(key, from)).update(data, from).digest(to);
  return createHash(algorithm).update(data, from).digest(to);
}

/** public key,signature,data, each in base64. */
function isSigned(request: string): boolean {
  const [key, signature, data] = request.split(",", 3).map((part) => Buffer.from(part, "base64"));
  if (key?.length !== 32 || signature?.length !== 64 || data === undefined) return false;
  try {
    return verify(null, data, createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: key.toString("base64url") } }), signature);
  } catch {
    return false;
  }
}

/** Half of all bytes. */
const UPPER = Uint8Array.from({ length: 128 }, (_, at) => 128 + at);
const SEVERAL_BYTES = /^(?:utf-|gb|big5|euc-|iso-2022|shift_jis|replacement)/;

/** The name that a label stands for; where a character is one byte, also what each of the upper half means. */
function encodingOf(label: string): string {
  try {
    const { encoding: name } = new TextDecoder(label);
    return JSON.stringify(SEVERAL_BYTES.test(name) ? { name } : { name, upper: new TextDecoder(name).decode(UPPER) });
  } catch {
    return "";
  }
}
