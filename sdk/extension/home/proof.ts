import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * How a gateway and a command of the same home prove to each other that they know the home's token, without saying it.
 * Every proof is bound to this very gateway, this home, the way it came and both sides' random numbers.
 */
export interface Parties {
  /** The gateway's own, new at each start. */
  instance: string;
  /** See `homeIdentity`; never sent, so a command in a copy of the home proves nothing. */
  home: string;
  /** `socket`, or `port N`: a program that only passes bytes on sits on another port. */
  way: string;
}

/** What a command wants, so that whoever passes it on cannot change it. */
export interface Wanted {
  method: string;
  /** Path and query. */
  target: string;
  /** See `digestOf`. */
  body: string;
}

export const NONCE_HEADER = "x-plinth-nonce";
export const BODY_HEADER = "x-plinth-body";
export const HELLO_PATH = "/api/hello";
export const PROOF_SCHEME = "Plinth";

export const newNonce = (): string => randomBytes(24).toString("base64url");

export const digestOf = (body: string | Uint8Array): string => createHash("sha256").update(body).digest("base64url");

/** "I am the gateway of this home." */
export const gatewayProof = (token: string, { instance, home, way }: Parties, asked: string, nonce: string): string =>
  mac(token, "gateway", instance, home, way, asked, nonce);

/** "I may do this, and this only." */
export const commandProof = (token: string, { instance, home, way }: Parties, nonce: string, { method, target, body }: Wanted): string =>
  mac(token, "command", instance, home, way, nonce, method, target, body);

/** In the time that it takes whatever the texts are. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}

/** As JSON, so that no two lists of words make the same text. */
const mac = (token: string, ...words: string[]): string =>
  createHmac("sha256", token)
    .update(JSON.stringify(["plinth-local-1", ...words]))
    .digest("base64url");
