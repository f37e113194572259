import { createHmac, randomBytes } from "node:crypto";
import { commandProof, gatewayProof, isSame, type Parties, type Wanted } from "@plinth/sdk/home";

/** How long a number that was given out can be used. */
const LIFE_MS = 30_000;
/** What a client asked with: as `newNonce` makes it, with room. */
const ASKED = /^[A-Za-z0-9_-]{16,128}$/;

/**
 * The gateway's side of local commands: proves who it is to anybody who asks, and takes a command's proof once. Nothing is
 * kept for those who only ask; what is kept of those who proved themselves is forgotten when it has run out.
 */
export class Proofs {
  readonly #token: string;
  readonly #parties: Omit<Parties, "way">;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #used = new Map<string, number>();

  constructor(token: string, parties: Omit<Parties, "way">, now: () => number) {
    this.#token = token;
    this.#parties = parties;
    this.#now = now;
  }

  /** undefined when the question is none. */
  answer(asked: unknown, way: string): { instance: string; nonce: string; proof: string } | undefined {
    if (typeof asked !== "string" || !ASKED.test(asked)) return undefined;
    const stamp = `${Math.ceil(this.#now() + LIFE_MS).toString(36)}.${randomBytes(18).toString("base64url")}`;
    const nonce = `${stamp}.${this.#sign(stamp)}`;
    const { instance } = this.#parties;
    return { instance, nonce, proof: gatewayProof(this.#token, { ...this.#parties, way }, asked, nonce) };
  }

  /** Whether a credential `NONCE.PROOF` is for just this request, and the first of its kind. */
  accepts(credential: string, way: string, wanted: Wanted): boolean {
    const dot = credential.lastIndexOf(".");
    const nonce = credential.slice(0, dot);
    const [until = "", , sealed = ""] = nonce.split(".");
    if (credential.length > 512 || !isSame(sealed, this.#sign(nonce.slice(0, -sealed.length - 1)))) return false;
    const ends = Number.parseInt(until, 36);
    const now = this.#now();
    if (!(ends > now) || this.#used.has(nonce)) return false;
    if (!isSame(credential.slice(dot + 1), commandProof(this.#token, { ...this.#parties, way }, nonce, wanted))) return false;
    for (const [one, end] of this.#used) if (end <= now) this.#used.delete(one);
    this.#used.set(nonce, ends);
    return true;
  }

  #sign(stamp: string): string {
    return createHmac("sha256", this.#key).update(stamp).digest("base64url");
  }
}
