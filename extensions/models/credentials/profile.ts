import type { Credential } from "@plinth/sdk";

/** Where a value is read at each use. */
export type From =
  | { readonly secret: string }
  | { readonly login: string }
  | { readonly command: readonly string[] }
  | { readonly keyring: string }
  | { readonly tokens: true }
  | { readonly chain: true };

/** One credential: what is kept of it, and never its value. */
export interface Profile {
  readonly id: string;
  readonly vendor: string;
  /** The extension whose vendor it is: another one of the same id does not get it. */
  readonly of: string;
  readonly kind: Credential["kind"];
  readonly from: From;
  readonly title?: string;
  readonly agent?: string;
  /** token: milliseconds since the epoch. What stands in a file is not trusted to be a number. */
  readonly expiresAt?: unknown;
  readonly oauth?: OAuthServer;
  /** Nobody added it: the vendor's own key by name. */
  readonly given?: boolean;
}

/** The server that a sign-in was made at. New tokens come from there, whatever the vendor's data says later. */
export interface OAuthServer {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly revokeUrl?: string;
}

/** What of a profile's reference was found, without its value. */
export interface Found {
  readonly there: boolean;
  /** Whether there is a value is seen when its program is run. */
  readonly untried?: boolean;
  /** When it ends, where the source says so. */
  readonly expiresAt?: number;
  /** It can be renewed by itself. */
  readonly renewable?: boolean;
  /** Signing in again is the only way on. */
  readonly fenced?: boolean;
}

export const NOTHING: Found = { there: false };

export function fromWords(from: From): string {
  if ("secret" in from) return `secret ${from.secret}`;
  if ("login" in from) return `sign-in of ${from.login}`;
  if ("command" in from) return `program ${from.command[0]}`;
  if ("keyring" in from) return `keyring account ${from.keyring}`;
  return "tokens" in from ? "signed in here" : "AWS's own chain";
}
