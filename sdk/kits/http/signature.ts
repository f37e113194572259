import type { HttpRequest } from "../../extension/index.ts";
import { bytesOf, textOf } from "./answer.ts";

type Hash = "SHA-1" | "SHA-256" | "SHA-512";
type Signed = Pick<HttpRequest, "headers" | "body">;

/** A signature that is older than this is a replay, in seconds. */
const TOLERANCE_S = 300;

/** Whether two lists of bytes are the same, in a time that does not tell where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let different = a.length ^ b.length;
  for (let at = 0; at < a.length; at += 1) different |= (a[at] as number) ^ (b[at % Math.max(1, b.length)] ?? 0);
  return different === 0;
}

export async function hmac(hash: Hash, key: string | Uint8Array, data: string | Uint8Array): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", raw(key), { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, raw(data)));
}

export interface HmacSignature {
  hash?: Hash;
  key: string | Uint8Array;
  data: string | Uint8Array;
  /** As it was sent, without a prefix such as `sha256=`. */
  signature: string | undefined;
  encoding?: "hex" | "base64";
}

/** Whether an HMAC is of these bytes with this key; false for one that cannot be read. */
export async function verifyHmac({ hash = "SHA-256", key, data, signature, encoding = "hex" }: HmacSignature): Promise<boolean> {
  const sent = signature === undefined ? undefined : decoded(signature, encoding);
  return sent !== undefined && equalBytes(sent, await hmac(hash, key, data));
}

export interface Ed25519Signature {
  /** In hex or as bytes. */
  publicKey: string | Uint8Array;
  data: string | Uint8Array;
  signature: string | undefined;
}

export async function verifyEd25519({ publicKey, data, signature }: Ed25519Signature): Promise<boolean> {
  const key = typeof publicKey === "string" ? decoded(publicKey, "hex") : publicKey;
  const sent = signature === undefined ? undefined : decoded(signature, "hex");
  if (key?.length !== 32 || sent?.length !== 64) return false;
  const imported = await crypto.subtle.importKey("raw", raw(key), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, raw(sent), raw(data));
}

/** Slack: `x-slack-signature` over version, time and body. @param now in milliseconds. */
export async function verifySlack(request: Signed, secret: string, now: number): Promise<boolean> {
  const time = request.headers["x-slack-request-timestamp"];
  const signature = request.headers["x-slack-signature"];
  if (!isFresh(time, now) || signature?.startsWith("v0=") !== true) return false;
  return verifyHmac({ key: secret, data: joined(`v0:${time}:`, bytesOf(request.body)), signature: signature.slice(3) });
}

/** Discord: Ed25519 over time and body, `x-signature-ed25519`. @param publicKey of the application, in hex. */
export async function verifyDiscord(request: Signed, publicKey: string, now: number): Promise<boolean> {
  const time = request.headers["x-signature-timestamp"];
  if (!isFresh(time, now)) return false;
  return verifyEd25519({ publicKey, data: joined(time as string, bytesOf(request.body)), signature: request.headers["x-signature-ed25519"] });
}

/** GitHub and Meta (Messenger, WhatsApp): `x-hub-signature-256`. */
export function verifyHub(request: Signed, secret: string): Promise<boolean> {
  const signature = request.headers["x-hub-signature-256"];
  return verifyHmac({ key: secret, data: bytesOf(request.body), signature: signature?.startsWith("sha256=") ? signature.slice(7) : undefined });
}

/** LINE: `x-line-signature`, in base64. */
export const verifyLine = (request: Signed, secret: string): Promise<boolean> =>
  verifyHmac({ key: secret, data: bytesOf(request.body), signature: request.headers["x-line-signature"], encoding: "base64" });

/** Twilio: the public address with the form's fields behind it, sorted, `x-twilio-signature`. */
export function verifyTwilio(request: Signed & Pick<HttpRequest, "url">, token: string): Promise<boolean> {
  const fields = [...new URLSearchParams(textOf(request))].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const data = request.url + fields.map(([name, value]) => name + value).join("");
  return verifyHmac({ hash: "SHA-1", key: token, data, signature: request.headers["x-twilio-signature"], encoding: "base64" });
}

/** Standard Webhooks (OpenAI, Svix and others): `webhook-signature` over id, time and body. @param secret as given, `whsec_` included. */
export async function verifyStandardWebhook(request: Signed, secret: string, now: number): Promise<boolean> {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signatures = "" } = request.headers;
  const key = decoded(secret.replace(/^whsec_/, ""), "base64");
  if (id === undefined || key === undefined || !isFresh(time, now)) return false;
  const data = joined(`${id}.${time}.`, bytesOf(request.body));
  const sent = signatures
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .slice(0, 16);
  const answers = await Promise.all(sent.map((one) => verifyHmac({ key, data, signature: one.slice(3), encoding: "base64" })));
  return answers.includes(true);
}

const isFresh = (time: string | undefined, now: number): boolean =>
  time !== undefined && /^\d{1,12}$/.test(time) && Math.abs(now / 1_000 - Number(time)) <= TOLERANCE_S;

function joined(head: string, body: Uint8Array): Uint8Array {
  const first = new TextEncoder().encode(head);
  const all = new Uint8Array(first.length + body.length);
  all.set(first);
  all.set(body, first.length);
  return all;
}

const raw = (data: string | Uint8Array): Uint8Array<ArrayBuffer> =>
  typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);

function decoded(text: string, encoding: "hex" | "base64"): Uint8Array | undefined {
  if (encoding === "hex") {
    if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
    return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16));
  }
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? bytesOf({ type: "bytes", base64: text }) : undefined;
}
