import type { Manifest } from "@plinth/manifests";
import type { Finding } from "../../scan/index.ts";

/** What a token lets its bearer do. `admin` is for the people who run the registry. */
export const SCOPES = ["publish", "yank", "owner", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** A token has at most so many ancestors; one with more is believed no more than one without a parent that should have one. */
export const MAX_LINEAGE = 8;

export interface Token {
  id: string;
  /** The token that it was made from: it ends with that one, and may never do more. Without one, who runs the registry made it, or a publisher's key. */
  parent?: string;
  user: string;
  label: string;
  scopes: Scope[];
  /** `*`, `publisher.*` or a package's id. */
  packages: string[];
  createdAt: string;
  expiresAt: string;
  revokedAt?: string;
  lastUsedAt?: string;
}

/** A token as it was made, and those that it was made from: its parent first, the first of all last. */
export interface TokenChain {
  token: Token;
  ancestors: Token[];
}

export interface TokenStore {
  /**
   * @param hash sha256 of the secret part.
   * @returns false when its parent has ended: nothing was added then.
   */
  add(token: Token, hash: Uint8Array): Promise<boolean>;
  find(id: string): Promise<(TokenChain & { hash: Uint8Array }) | undefined>;
  /** All tokens, or one user's, newest first. */
  list(user?: string): Promise<Token[]>;
  /** How many tokens that were made from this one are in force. */
  children(id: string, at: string): Promise<number>;
  /** End a token, and all that were made from it. false: there is no such token, or it was revoked before. */
  revoke(id: string, at: string): Promise<boolean>;
  /** The same, and add another one in its place, or do nothing. false: as for revoke. */
  replace(id: string, at: string, token: Token, hash: Uint8Array): Promise<boolean>;
  used(id: string, at: string): Promise<void>;
}

/** A user's name belongs to whoever proved it first, and is never given away. */
export interface User {
  name: string;
  /** `operator`, or `key:` and the public key whose holder got the name with a publisher's. */
  proof: string;
  createdAt: string;
}

export interface UserStore {
  /** false: the name is somebody's already. Of several at once, one gets it. */
  claim(user: User): Promise<boolean>;
  find(name: string): Promise<User | undefined>;
}

export interface Publisher {
  name: string;
  owners: string[];
  /** Domain whose owner named the publisher's key in DNS. */
  domain?: string;
  bannedFor?: string;
  createdAt: string;
}

export interface PublisherStore {
  add(publisher: Publisher, skeleton: string): Promise<void>;
  find(name: string): Promise<Publisher | undefined>;
  bySkeleton(skeleton: string): Promise<string[]>;
  /** false: there is one already. */
  addOwner(name: string, user: string): Promise<boolean>;
  /** The last owner stays, also when two are removed at once. */
  removeOwner(name: string, user: string): Promise<boolean>;
  setDomain(name: string, domain: string): Promise<void>;
  setBan(name: string, reason: string | undefined): Promise<void>;
}

/** What search and pages need of a package beside its index file. */
export interface ListedPackage {
  id: string;
  version: string;
  manifest: Manifest;
  updatedAt: string;
  readme: string;
  /** See skeletonOf. */
  skeleton: string;
}

export interface SearchQuery {
  text: string;
  publisher?: string;
  /** A contract that it provides, such as plinth.tool. */
  contract?: string;
  /** A kind of permission, such as net; `none` for packages that ask for nothing. */
  permission?: string;
  limit: number;
  offset: number;
}

export interface FoundPackage {
  id: string;
  version: string;
  title: string;
  description: string;
  updatedAt: string;
  downloads: number;
  contracts: string[];
  permissions: string[];
}

export interface PackageStore {
  /** All of them or none. */
  put(listed: readonly ListedPackage[]): Promise<void>;
  remove(id: string): Promise<void>;
  clear(): Promise<void>;
  search(query: SearchQuery): Promise<{ total: number; packages: FoundPackage[] }>;
  readme(id: string): Promise<string | undefined>;
  bySkeleton(skeleton: string): Promise<string[]>;
  /** Ids of packages with at least that many downloads, most first. */
  popular(downloads: number, limit: number): Promise<string[]>;
  count(): Promise<number>;
}

export interface DownloadStore {
  add(counts: Iterable<{ id: string; version: string; day: string; count: number }>): Promise<void>;
  of(id: string): Promise<{ total: number; versions: Record<string, number>; days: Record<string, number> }>;
}

export interface AuditEvent {
  at: string;
  user: string;
  tokenId?: string;
  address: string;
  action: string;
  subject: string;
  detail?: string;
}

export interface AuditStore {
  add(event: AuditEvent): Promise<void>;
  /** Newest first. */
  list(options: { subject?: string; before?: number; limit: number }): Promise<(AuditEvent & { sequence: number })[]>;
}

export interface Report {
  id: number;
  at: string;
  package: string;
  version?: string;
  reason: string;
  detail: string;
  address: string;
  resolvedAt?: string;
  resolution?: string;
}

export interface ReportStore {
  add(report: Omit<Report, "id" | "resolvedAt" | "resolution">): Promise<number>;
  list(options: { open: boolean; limit: number }): Promise<Report[]>;
  resolve(id: number, resolution: string, at: string): Promise<boolean>;
  countOpen(address: string): Promise<number>;
}

/** Names that a moderator let pass although they look like another. */
export interface AllowedNames {
  has(name: string): Promise<boolean>;
  add(name: string): Promise<void>;
}

/** Packages whose search row may be older than their index: written before a change, removed when the row is. */
export interface PendingStore {
  add(id: string): Promise<void>;
  list(): Promise<string[]>;
  remove(ids: readonly string[]): Promise<void>;
}

/** Findings of the checks at publication, as they were told then. */
export interface FindingStore {
  put(id: string, version: string, findings: Finding[]): Promise<void>;
  of(id: string, version: string): Promise<Finding[] | undefined>;
}

/**
 * All that the service keeps beside the static folder, in SQLite or Postgres; another database implements this. What
 * `packages` holds can be made anew from the folder.
 */
export interface Storage {
  readonly tokens: TokenStore;
  readonly users: UserStore;
  readonly publishers: PublisherStore;
  readonly packages: PackageStore;
  readonly downloads: DownloadStore;
  readonly audit: AuditStore;
  readonly reports: ReportStore;
  readonly allowedNames: AllowedNames;
  readonly findings: FindingStore;
  readonly pending: PendingStore;
  close(): Promise<void>;
}
