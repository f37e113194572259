import { splitId } from "../../layout.ts";
import type { AuditEvent, FoundPackage, ListedPackage, Publisher, Report, Scope, Token, TokenChain, User } from "./types.ts";

/** A row as either database gives it. Where Postgres says a count as text, it is made a number here. */
export type Row = Record<string, unknown>;

const optional = <K extends string>(key: K, value: unknown): { [P in K]?: string } =>
  (value === null || value === undefined ? {} : { [key]: String(value) }) as { [P in K]?: string };

const list = (value: unknown): string[] => String(value).split(" ").filter(Boolean);

export function tokenOf(row: Row): Token {
  return {
    id: String(row.id),
    ...optional("parent", row.parent),
    user: String(row.user),
    label: String(row.label),
    scopes: String(row.scopes).split(" ") as Scope[],
    packages: String(row.packages).split(" "),
    createdAt: String(row.created_at),
    expiresAt: String(row.expires_at),
    ...optional("revokedAt", row.revoked_at),
    ...optional("lastUsedAt", row.last_used_at),
  };
}

/** @param rows a token's and its ancestors', the token's first. */
export function chainOf(rows: readonly Row[]): (TokenChain & { hash: Uint8Array }) | undefined {
  const [row, ...older] = rows;
  return row === undefined ? undefined : { token: tokenOf(row), hash: row.hash as Uint8Array, ancestors: older.map(tokenOf) };
}

export function userOf(row: Row): User {
  return { name: String(row.name), proof: String(row.proof), createdAt: String(row.created_at) };
}

export function publisherOf(row: Row, owners: readonly unknown[]): Publisher {
  return {
    name: String(row.name),
    owners: owners.map(String),
    createdAt: String(row.created_at),
    ...optional("domain", row.domain),
    ...optional("bannedFor", row.banned_for),
  };
}

export function eventOf(row: Row): AuditEvent & { sequence: number } {
  return {
    sequence: Number(row.sequence),
    at: String(row.at),
    user: String(row.user),
    ...optional("tokenId", row.token_id),
    address: String(row.address),
    action: String(row.action),
    subject: String(row.subject),
    ...optional("detail", row.detail),
  };
}

export function reportOf(row: Row): Report {
  return {
    id: Number(row.id),
    at: String(row.at),
    package: String(row.package),
    reason: String(row.reason),
    detail: String(row.detail),
    address: String(row.address),
    ...optional("version", row.version),
    ...optional("resolvedAt", row.resolved_at),
    ...optional("resolution", row.resolution),
  };
}

export function foundOf(row: Row): FoundPackage {
  return {
    id: String(row.id),
    version: String(row.version),
    title: String(row.title),
    description: String(row.description),
    updatedAt: String(row.updated_at),
    downloads: Number(row.downloads),
    contracts: list(row.contracts),
    permissions: list(row.permissions),
  };
}

/** What of a package is searched and filtered by. */
export interface Indexed {
  publisher: string;
  name: string;
  contracts: string[];
  /** Kinds of permissions that it asks for. */
  permissions: string[];
  /** Ids of what it provides. */
  provides: string;
}

export function indexedOf({ id, manifest }: ListedPackage): Indexed {
  const provides = manifest.provides ?? [];
  return {
    ...splitId(id),
    contracts: [...new Set(provides.map(({ contract }) => contract))],
    permissions: Object.entries(manifest.permissions ?? {})
      .filter(([, entries]) => entries.length > 0)
      .map(([kind]) => kind)
      .sort(),
    provides: provides.map((one) => one.id).join(" "),
  };
}

const MAX_WORDS = 8;
const MAX_LETTERS = 64;

/** A query's words as an index cuts them; nothing in them can be taken for an operator. */
export function queryWords(text: string): string[] {
  return wordsOf(text).slice(0, MAX_WORDS);
}

export function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => word.slice(0, MAX_LETTERS));
}
