import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { authorityOf, type Subject } from "./authority.ts";
import { refuse } from "./problem.ts";
import type { Scope, Storage, Token } from "./storage/index.ts";

const FORM = /^plr_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const DAY_MS = 86_400_000;
/** A token's last use is written at most this often. */
const USED_MS = 60_000;
/** Tokens in force that were made from one. */
const MAX_CHILDREN = 100;

export interface TokenRequest {
  user: string;
  label: string;
  scopes: Scope[];
  packages: string[];
  days: number;
}

export interface IssuedToken {
  token: Token;
  /** The token itself; it is shown once. */
  secret: string;
}

/** Issues and checks tokens. The secret is shown once; what is stored is its sha256: with 256 random bits there is nothing to guess. */
export class Tokens {
  readonly #storage: Storage;
  readonly #now: () => number;

  constructor(storage: Storage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /**
   * A token that has no parent: by the word of who runs the registry, or for who has proven the user's name just now.
   */
  async create(request: TokenRequest): Promise<IssuedToken> {
    await this.#storage.users.claim({ name: request.user, proof: "operator", createdAt: this.#at() });
    return this.#issue(request, new Date(this.#now() + request.days * DAY_MS).toISOString());
  }

  /** A token that is made from another one: it ends with that one, at the latest. What it may do was authorized. */
  async derive(parent: Subject, request: TokenRequest): Promise<IssuedToken> {
    const { id, expiresAt } = parent.token;
    if ((await this.#storage.tokens.children(id, this.#at())) >= MAX_CHILDREN) throw refuse.lineage();
    await this.#storage.users.claim({ name: request.user, proof: "operator", createdAt: this.#at() });
    const wished = new Date(this.#now() + request.days * DAY_MS).toISOString();
    return this.#issue(request, wished < expiresAt ? wished : expiresAt, id);
  }

  /** A new token in place of one, with the same rights until the same time. The old one ends, and what was made from it. */
  async rotate(old: Token): Promise<IssuedToken> {
    const { token, hash, secret } = this.#make(old, old.expiresAt, old.parent);
    if (await this.#storage.tokens.replace(old.id, this.#at(), token, hash)) return { token, secret };
    throw refuse.revoked();
  }

  /**
   * Who a token belongs to, and what it is worth now.
   *
   * @throws PLINTH_UNAUTHENTICATED when it is not one of this registry, PLINTH_TOKEN_EXPIRED, PLINTH_TOKEN_REVOKED.
   */
  async check(bearer: string): Promise<Subject> {
    const [, id, secret] = FORM.exec(bearer) ?? [];
    if (id === undefined || secret === undefined) throw refuse.wrongToken();
    const found = await this.#storage.tokens.find(id);
    // An unknown id takes the same steps as a wrong secret.
    const same = timingSafeEqual(hashOf(secret), found?.hash ?? hashOf(""));
    if (found === undefined || !same) throw refuse.wrongToken();
    const subject = this.#inForce(authorityOf(found));
    const { lastUsedAt } = subject.token;
    if (lastUsedAt === undefined || this.#now() - Date.parse(lastUsedAt) > USED_MS) await this.#storage.tokens.used(id, this.#at());
    return subject;
  }

  /** The same for a token that was checked before: it may have ended since. */
  async again(subject: Subject): Promise<Subject> {
    const now = await this.find(subject.token.id);
    if (now === undefined) throw refuse.wrongToken();
    return this.#inForce(now);
  }

  async find(id: string): Promise<Subject | undefined> {
    const found = await this.#storage.tokens.find(id);
    return found === undefined ? undefined : authorityOf(found);
  }

  /** Tokens with what they are worth now, newest first. */
  async list(user?: string): Promise<Subject[]> {
    const tokens = await this.#storage.tokens.list(user);
    const known = new Map(tokens.map((token) => [token.id, token]));
    const subjects: Subject[] = [];
    for (const token of tokens) {
      const ancestors: Token[] = [];
      for (let next = token.parent; next !== undefined && ancestors.length < tokens.length; ) {
        const parent: Token | undefined = known.get(next) ?? (await this.#storage.tokens.find(next))?.token;
        if (parent === undefined) break;
        ancestors.push(parent);
        next = parent.parent;
      }
      subjects.push(authorityOf({ token, ancestors }));
    }
    return subjects;
  }

  async revoke(id: string): Promise<boolean> {
    return this.#storage.tokens.revoke(id, this.#at());
  }

  #inForce(subject: Subject): Subject {
    const { revokedAt, expiresAt } = subject.token;
    if (revokedAt !== undefined) throw refuse.revoked();
    if (Date.parse(expiresAt) <= this.#now()) throw refuse.expired(expiresAt);
    return subject;
  }

  async #issue(from: Omit<TokenRequest, "days">, expiresAt: string, parent?: string): Promise<IssuedToken> {
    const { token, hash, secret } = this.#make(from, expiresAt, parent);
    if (await this.#storage.tokens.add(token, hash)) return { token, secret };
    throw refuse.revoked();
  }

  #make(from: Omit<TokenRequest, "days">, expiresAt: string, parent?: string): IssuedToken & { hash: Buffer } {
    const { user, label, scopes, packages } = from;
    const secret = randomBytes(32).toString("base64url");
    const made = { id: randomBytes(8).toString("hex"), ...(parent === undefined ? {} : { parent }) };
    const token: Token = { ...made, user, label, scopes, packages, createdAt: this.#at(), expiresAt };
    return { token, hash: hashOf(secret), secret: `plr_${token.id}_${secret}` };
  }

  #at(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** The id in a token; undefined: it has not the form of one. */
export const idOf = (bearer: string): string | undefined => FORM.exec(bearer)?.[1];

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
