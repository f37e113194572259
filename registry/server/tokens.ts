import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { splitId } from "../layout.ts";
import { refuse } from "./problem.ts";
import type { Scope, Storage, Token } from "./storage/index.ts";

const FORM = /^plr_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const DAY_MS = 86_400_000;
/** A token's last use is written at most this often. */
const USED_MS = 60_000;

export interface TokenRequest {
  user: string;
  label: string;
  scopes: Scope[];
  packages: string[];
  days: number;
}

/** Issues and checks tokens. The secret is shown once; what is stored is its sha256: with 256 random bits there is nothing to guess. */
export class Tokens {
  readonly #storage: Storage;
  readonly #now: () => number;

  constructor(storage: Storage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  async create(request: TokenRequest): Promise<{ token: Token; secret: string }> {
    const now = this.#now();
    const expiresAt = new Date(now + request.days * DAY_MS).toISOString();
    return this.#issue({ ...request, expiresAt });
  }

  /** A new token in place of one; the old one is revoked. The new one lives until the same time. */
  async rotate(old: Token): Promise<{ token: Token; secret: string }> {
    const made = await this.#issue(old);
    await this.revoke(old.id);
    return made;
  }

  /** @throws PLINTH_UNAUTHENTICATED, PLINTH_TOKEN_EXPIRED, PLINTH_TOKEN_REVOKED. */
  async check(bearer: string): Promise<Token> {
    const [, id, secret] = FORM.exec(bearer) ?? [];
    if (id === undefined || secret === undefined) throw refuse.wrongToken();
    const found = await this.#storage.tokens.find(id);
    // An unknown id takes the same steps as a wrong secret.
    const same = timingSafeEqual(hashOf(secret), found?.hash ?? hashOf(""));
    if (found === undefined || !same) throw refuse.wrongToken();
    const { token } = found;
    if (token.revokedAt !== undefined) throw refuse.revoked();
    const now = this.#now();
    if (Date.parse(token.expiresAt) <= now) throw refuse.expired(token.expiresAt);
    if (token.lastUsedAt === undefined || now - Date.parse(token.lastUsedAt) > USED_MS) {
      await this.#storage.tokens.used(token.id, new Date(now).toISOString());
    }
    return token;
  }

  async revoke(id: string): Promise<boolean> {
    return this.#storage.tokens.revoke(id, new Date(this.#now()).toISOString());
  }

  async #issue(from: Pick<Token, "user" | "label" | "scopes" | "packages" | "expiresAt">): Promise<{ token: Token; secret: string }> {
    const { user, label, scopes, packages, expiresAt } = from;
    const secret = randomBytes(32).toString("base64url");
    const createdAt = new Date(this.#now()).toISOString();
    const token: Token = { id: randomBytes(8).toString("hex"), user, label, scopes, packages, createdAt, expiresAt };
    await this.#storage.tokens.add(token, hashOf(secret));
    return { token, secret: `plr_${token.id}_${secret}` };
  }
}

/** Whether one of a token's patterns takes the package in. */
export function covers(patterns: readonly string[], id: string): boolean {
  const { publisher } = splitId(id);
  return patterns.some((pattern) => pattern === "*" || pattern === id || pattern === `${publisher}.*`);
}

/** Whether each pattern of `inner` lies within one of `outer`. */
export function within(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((pattern) =>
    outer.some((one) => one === "*" || one === pattern || (one.endsWith(".*") && pattern.startsWith(one.slice(0, -1)))),
  );
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
