import type { Scope, Token, TokenChain } from "./storage/index.ts";

/** Who asks, as far as a token proves it. */
export interface Subject {
  /** As it was made, cut by each token that it was made from. */
  token: Token;
  /** Ids: its own, its parent's, and so on to the first. */
  lineage: readonly [string, ...string[]];
}

/**
 * What a token is worth: never more than any of its ancestors, never for longer, and nothing once one of them was revoked.
 * That follows from here alone, whatever was checked when it was made.
 */
export function authorityOf({ token, ancestors }: TokenChain): Subject {
  const effective = ancestors.reduce(cut, token);
  // An ancestor that is not there cannot vouch for anything.
  const broken = (ancestors.at(-1) ?? token).parent !== undefined;
  return {
    token: broken ? { ...effective, revokedAt: effective.revokedAt ?? effective.createdAt } : effective,
    lineage: [token.id, ...ancestors.map(({ id }) => id)],
  };
}

function cut(token: Token, by: Token): Token {
  const revokedAt = [token.revokedAt, by.revokedAt].filter((at) => at !== undefined).sort()[0];
  return {
    ...token,
    scopes: token.scopes.filter((scope) => hasScope(by, scope)),
    packages: meet(token.packages, by.packages),
    expiresAt: token.expiresAt < by.expiresAt ? token.expiresAt : by.expiresAt,
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}

/** `admin` takes the other scopes in. */
export const hasScope = ({ scopes }: Pick<Token, "scopes">, scope: Scope): boolean => scopes.includes("admin") || scopes.includes(scope);

/** Whether one of the patterns takes the package in. */
export const covers = (patterns: readonly string[], id: string): boolean => within([id], patterns);

/** Whether all packages of the publisher, those to come as well, are taken in. */
export const coversAll = (patterns: readonly string[], publisher: string): boolean => within([`${publisher}.*`], patterns);

/** Whether each pattern of `inner` lies within one of `outer`. */
export function within(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((pattern) => outer.some((one) => contains(one, pattern)));
}

/** Whether a token may do no more than another one. For how long is another matter. */
export function holds(more: Token, less: Token): boolean {
  return less.scopes.every((scope) => hasScope(more, scope)) && within(less.packages, more.packages);
}

const contains = (outer: string, inner: string): boolean =>
  outer === "*" || outer === inner || (outer.endsWith(".*") && inner.startsWith(outer.slice(0, -1)));

/** The patterns that two lists share. */
function meet(some: readonly string[], others: readonly string[]): string[] {
  const shared = some.flatMap((one) => others.flatMap((other) => (contains(other, one) ? [one] : contains(one, other) ? [other] : [])));
  return [...new Set(shared)];
}
