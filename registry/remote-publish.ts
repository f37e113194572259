import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { signableOf } from "./admission.ts";
import { splitId } from "./layout.ts";
import { readPackageManifest } from "./publish.ts";
import { signRegistration } from "./registration.ts";
import { callRegistry, type RegistryCall, type RegistrySend } from "./remote-call.ts";
import type { Finding } from "./scan/index.ts";
import { type PublisherKey, sign } from "./signing.ts";

export interface RemoteRegistry {
  /** An http(s) URL: the registry's root. */
  url: string;
  token?: string;
  /** Default: this process's own fetch. */
  send?: RegistrySend;
  signal?: AbortSignal;
}

export interface RemotePublished {
  id: string;
  version: string;
  integrity: string;
  size: number;
  keyId: string;
  findings: Finding[];
  dryRun: boolean;
}

/**
 * Publish a tarball to a registry's service: it is checked and signed here, and checked again there.
 *
 * @throws what the registry answers, under its code, and PLINTH_REGISTRY_UNREACHABLE.
 */
export async function publishRemotely(
  registry: RemoteRegistry,
  tarball: Uint8Array,
  key: PublisherKey,
  options: { dryRun?: boolean; publishedAt?: string } = {},
): Promise<RemotePublished> {
  const manifest = await readPackageManifest(tarball);
  const { id, version } = manifest;
  const { publisher } = splitId(id);
  if (publisher !== key.publisher) {
    throw new PlinthError("PLINTH_PUBLISHER_KEY", `The key belongs to ${key.publisher}, but the package is ${id}.`, {
      next: `Sign with the key of ${publisher}, or change the id in plinth.json.`,
    });
  }
  const publishedAt = options.publishedAt ?? new Date().toISOString();
  const { signature } = sign(signableOf({ tarball, manifest, publishedAt }), key);
  const answer = await ask<Omit<RemotePublished, "keyId">>(registry, {
    method: "POST",
    path: `api/v1/packages/${id}/versions/${encodeURIComponent(version)}${options.dryRun ? "?dryRun=true" : ""}`,
    headers: { "content-type": "application/gzip", "plinth-published-at": publishedAt, "plinth-key-id": key.keyId, "plinth-signature": signature },
    body: tarball,
  });
  return { ...answer, keyId: key.keyId };
}

/** Register a publisher's name with its key. Without a token, a registry that is open answers with the first one, of a user who bears the name. */
export async function registerPublisher(
  registry: RemoteRegistry,
  key: PublisherKey | (() => Promise<PublisherKey>),
  options: { domain?: string } = {},
): Promise<{ publisher: string; owner: string; domain?: string; issued?: { secret: string; token: { id: string; expiresAt: string } } }> {
  const { name } = await ask<{ name: string }>(registry, { method: "GET", path: "registry.json" });
  const signedAt = new Date().toISOString();
  const signing = typeof key === "function" ? await key() : key;
  const { publisher, keyId, publicKey } = signing;
  const signature = signRegistration({ registry: name, publisher, keyId, signedAt }, signing);
  return json(registry, "POST", "api/v1/publishers", { publisher, keyId, publicKey, signedAt, signature, ...options });
}

/** A word with the registry about a version that is there. */
export async function markVersion(
  registry: RemoteRegistry,
  id: string,
  version: string,
  mark: { yank: string | null } | { deprecate: string | null },
): Promise<void> {
  splitId(id);
  const [path, reason] = "yank" in mark ? ["yank", mark.yank] : ["deprecation", mark.deprecate];
  const address = `api/v1/packages/${id}/versions/${encodeURIComponent(version)}/${path}`;
  if (reason === null) await json(registry, "DELETE", address);
  else await json(registry, "PUT", address, { reason });
}

export async function owners(registry: RemoteRegistry, publisher: string): Promise<string[]> {
  return (await json<{ owners: string[] }>(registry, "GET", `api/v1/publishers/${encodeURIComponent(publisher)}/owners`)).owners;
}

export async function changeOwner(registry: RemoteRegistry, change: "add" | "remove", publisher: string, user: string): Promise<void> {
  const path = `api/v1/publishers/${encodeURIComponent(publisher)}/owners/${encodeURIComponent(user)}`;
  await json(registry, change === "add" ? "PUT" : "DELETE", path);
}

/** Who the token belongs to, what it may do, and until when. */
export async function whoAmI(
  registry: RemoteRegistry,
): Promise<{ id: string; user: string; scopes: string[]; packages: string[]; expiresAt: string }> {
  return json(registry, "GET", "api/v1/session");
}

/** Revoke the token; it is refused from now on. */
export async function logOut(registry: RemoteRegistry): Promise<void> {
  await json(registry, "DELETE", "api/v1/session");
}

function json<T>(registry: RemoteRegistry, method: RegistryCall["method"], path: string, body?: unknown): Promise<T> {
  return ask<T>(registry, {
    method,
    path,
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)), headers: { "content-type": "application/json" } }),
  });
}

function ask<T>({ url, token, send, signal }: RemoteRegistry, call: RegistryCall): Promise<T> {
  const headers = { ...call.headers, ...(token === undefined || !call.path.startsWith("api/") ? {} : { authorization: `Bearer ${token}` }) };
  return callRegistry<T>(url, { ...call, headers }, send, signal);
}
