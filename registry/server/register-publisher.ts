import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { verifyRegistration } from "../registration.ts";
import type { Api } from "./api.ts";
import type { Subject } from "./authority.ts";
import { assertDomainNamesKey } from "./dns-proof.ts";
import { assertPublisherName, skeletonOf } from "./look-alike.ts";
import { refuse } from "./problem.ts";
import type { IssuedToken } from "./tokens.ts";

const CLOCK_MS = 15 * 60_000;
const FIRST_TOKEN_DAYS = 90;

/** The wish to have a publisher's name, signed with the key that will sign its packages. */
export interface RegistrationRequest {
  publisher: string;
  keyId: string;
  /** SPKI, DER, base64. */
  publicKey: string;
  /** ISO 8601. */
  signedAt: string;
  signature: string;
  /** A domain whose TXT record names the key. */
  domain?: string;
}

export interface Registered {
  publisher: string;
  owner: string;
  domain?: string;
  /** The first token of a user who came without one. */
  issued?: IssuedToken;
}

/**
 * Give a publisher's name to whoever holds its key. The owner is the user of the token that came with the request. Without
 * one it is the user who bears the publisher's name: that name is proven by the key as the publisher's is, and no request
 * can name another.
 *
 * @throws PLINTH_KEY_PROOF, PLINTH_DNS_PROOF, PLINTH_PUBLISHER_TAKEN, PLINTH_NAME_LOOKALIKE.
 */
export async function registerPublisher(api: Api, request: RegistrationRequest, subject: Subject | undefined): Promise<Registered> {
  const { catalogue, storage } = api;
  const { publisher: name, keyId, publicKey, domain } = request;
  await assertOwnsKey(api, request);
  if (domain !== undefined) await assertDomainNamesKey(domain, keyId, api.resolveTxt);
  const known = await storage.publishers.find(name);
  if (known !== undefined && known.owners.length > 0) throw refuse.nameTaken(name);
  if (known === undefined) await assertPublisherName(name, storage);
  const owner = subject?.token.user ?? name;
  if (subject === undefined) await assertFree(api, name, publicKey);
  // Of several at once, one key gets the name; of several with that key, one makes the entry.
  await catalogue.addKey(name, { keyId, publicKey }, domain === undefined ? undefined : `dns:${domain}`).catch((error: { code?: string }) => {
    throw error.code === "PLINTH_PUBLISHER_KEY" ? refuse.nameTaken(name) : error;
  });
  const createdAt = new Date(api.now()).toISOString();
  if (subject === undefined && !(await storage.users.claim({ name, proof: proofOf(publicKey), createdAt }))) await assertFree(api, name, publicKey);
  if (known !== undefined) {
    // It came by folder, or a registration died halfway: who has its key is its first owner.
    await storage.publishers.addOwner(name, owner);
    if (domain !== undefined) await storage.publishers.setDomain(name, domain);
  } else {
    await storage.publishers.add({ name, owners: [owner], createdAt, ...(domain === undefined ? {} : { domain }) }, skeletonOf(name)).catch(() => {
      throw refuse.nameTaken(name);
    });
  }
  const registered = { publisher: name, owner, ...(domain === undefined ? {} : { domain }) };
  if (subject !== undefined) return registered;
  const first = { user: owner, label: "first token", scopes: ["publish", "yank", "owner"] as const, packages: [`${name}.*`], days: FIRST_TOKEN_DAYS };
  return { ...registered, issued: await api.tokens.create({ ...first, scopes: [...first.scopes] }) };
}

const proofOf = (publicKey: string): string => `key:${publicKey}`;

/** A user's name is free, or this very key has proven it before, in a registration that did not come to its end. */
async function assertFree({ storage }: Api, name: string, publicKey: string): Promise<void> {
  const user = await storage.users.find(name);
  if (user !== undefined && user.proof !== proofOf(publicKey)) throw refuse.userTaken(name);
}

async function assertOwnsKey(api: Api, request: RegistrationRequest): Promise<void> {
  const { publisher: name, keyId, publicKey, signedAt, signature } = request;
  const recent = Math.abs(Date.parse(signedAt) - api.now()) <= CLOCK_MS;
  const registry = await api.catalogue.name();
  if (recent && verifyRegistration({ registry, publisher: name, keyId, signedAt }, signature, { keyId, publicKey })) return;
  throw new PlinthError("PLINTH_KEY_PROOF", `The request to register ${name} is not signed by the key that it names, or not just now.`, {
    next: "Sign it with the publisher's private key, and check this machine's clock.",
  });
}
