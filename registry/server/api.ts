import { errorData, isPlinthError } from "@plinth/manifests/wire/error.ts";
import { splitId } from "../layout.ts";
import type { Catalogue } from "./catalogue.ts";
import type { TxtResolver } from "./dns-proof.ts";
import { refuse } from "./problem.ts";
import type { Call } from "./route.ts";
import type { Publisher, Scope, Storage, Token } from "./storage/index.ts";
import { covers, type Tokens } from "./tokens.ts";

/** What the routes work with. */
export interface Api {
  catalogue: Catalogue;
  storage: Storage;
  tokens: Tokens;
  now(): number;
  /** Who may register a publisher's name without a token: anybody with a key, the owner of a domain, or nobody. */
  registration: "open" | "domain" | "token";
  resolveTxt?: TxtResolver | undefined;
}

/** The token of a call that needs one. */
export function tokenOf(call: Pick<Call, "token">): Token {
  if (call.token === undefined) throw refuse.noToken();
  return call.token;
}

export const isAdmin = (token: Token): boolean => token.scopes.includes("admin");

/**
 * Whether the token may do this to the package: its scopes, its patterns, and its user's ownership of the publisher.
 *
 * @throws PLINTH_TOKEN_SCOPE, PLINTH_NOT_OWNER, PLINTH_PUBLISHER_UNKNOWN, PLINTH_PUBLISHER_BANNED.
 */
export async function assertMay(api: Api, call: Pick<Call, "token">, scope: Scope, id: string): Promise<Token> {
  const token = tokenOf(call);
  if (!isAdmin(token) && !token.scopes.includes(scope)) throw refuse.scope(scope);
  if (!covers(token.packages, id)) throw refuse.scope(scope);
  const publisher = await publisherOf(api, splitId(id).publisher);
  if (!isAdmin(token) && !publisher.owners.includes(token.user)) throw refuse.notOwner(publisher.name);
  if (publisher.bannedFor !== undefined) throw refuse.banned(publisher.name, publisher.bannedFor);
  return token;
}

export async function publisherOf(api: Api, name: string): Promise<Publisher> {
  const publisher = await api.storage.publishers.find(name);
  if (publisher === undefined) throw refuse.publisherUnknown(name);
  return publisher;
}

/** Do it, and write down who did what, or tried to. */
export async function audited<T>(
  api: Api,
  call: Pick<Call, "token" | "address">,
  action: string,
  subject: string,
  body: () => Promise<T>,
  detail?: string,
): Promise<T> {
  const write = (failure?: string) =>
    api.storage.audit.add({
      at: new Date(api.now()).toISOString(),
      user: call.token?.user ?? "",
      ...(call.token === undefined ? {} : { tokenId: call.token.id }),
      address: call.address,
      action: failure === undefined ? action : `${action}.refused`,
      subject: subject.slice(0, 200),
      ...(failure !== undefined ? { detail: failure } : detail !== undefined ? { detail: detail.slice(0, 1_000) } : {}),
    });
  try {
    const result = await body();
    await write();
    return result;
  } catch (error) {
    await write(isPlinthError(error) ? error.code : errorData(error).code);
    throw error;
  }
}
