import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PackageVersion, RegistryRoot } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { addKey, admit, changeVersion, signableOf, wrongKey } from "./admission.ts";
import { readArchive } from "./archive.ts";
import { splitId } from "./layout.ts";
import { assertManifest } from "./manifest-check.ts";
import type { LockOptions } from "./publish-lock.ts";
import { type PublisherKey, sign } from "./signing.ts";
import { reason } from "./system-error.ts";
import type { Change } from "./trust/change-draft.ts";
import { TIMESTAMP_PATH } from "./trust/registry-state.ts";
import type { RegistryTrust } from "./trust/registry-trust.ts";

export interface PublishInput {
  /** The registry's folder; made when it is not there. */
  registry: string;
  tarball: Uint8Array;
  key: PublisherKey;
  /** ISO 8601; default now. Builds that must give the same bytes twice pass it. */
  publishedAt?: string;
  /** Name of a registry that is made by this; default: its folder's name. */
  name?: string;
  lock?: LockOptions;
  /** Signs the change in a registry that signs its state; such a one takes nothing without. */
  trust?: Pick<RegistryTrust, "commit">;
}

export interface Published {
  id: string;
  version: string;
  integrity: string;
  size: number;
  /** Path below the registry's root. */
  tarball: string;
  keyId: string;
  /** true: this was the publisher's first package here, and the key now stands for the name. */
  newPublisher: boolean;
}

/**
 * Publish a tarball into a folder: check it, sign it, let it in.
 *
 * @throws PLINTH_VERSION_EXISTS, PLINTH_PUBLISHER_KEY, PLINTH_REGISTRY_SIGNED, PLINTH_MANIFEST_INVALID, PLINTH_ARCHIVE_*.
 */
export async function publish(input: PublishInput): Promise<Published> {
  const { registry, tarball: bytes, key } = input;
  const manifest = await readPackageManifest(bytes);
  const { id, version } = manifest;
  assertPublisher(id, key);
  const packed = { tarball: bytes, manifest, publishedAt: input.publishedAt ?? new Date().toISOString() };
  const { name, lock } = input;
  const commit = committing(registry, { type: "publish", id, version }, input.trust);
  const { entry, newPublisher } = await admit(
    { ...packed, signature: sign(signableOf(packed), key) },
    { registry, firstKey: key, ...(name === undefined ? {} : { name }), ...(lock === undefined ? {} : { lock }), ...commit },
  );
  const { integrity, size, tarball } = entry;
  return { id, version, integrity, size, tarball, keyId: key.keyId, newPublisher };
}

/** @throws PLINTH_PUBLISHER_KEY when the key is another publisher's. */
export function assertPublisher(id: string, key: PublisherKey): void {
  const { publisher } = splitId(id);
  if (publisher === key.publisher) return;
  throw new PlinthError("PLINTH_PUBLISHER_KEY", `The key belongs to ${key.publisher}, but the package is ${id}.`, {
    next: `Sign with the key of ${publisher}, or change the id in plinth.json.`,
  });
}

/** Withdraw a version: it stays for those who locked it, but is never chosen again. */
export async function yank(input: { id: string; version: string; reason: string } & Pick<PublishInput, "registry" | "key" | "trust">): Promise<void> {
  const { registry, id, version, reason, key } = input;
  const change = (entry: Pick<PackageVersion, "yanked">, root: RegistryRoot): void => {
    if (splitId(id).publisher !== key.publisher || addKey(root, key.publisher, key)) throw wrongKey(key.publisher);
    entry.yanked = reason;
  };
  await changeVersion(id, version, change, { registry, ...committing(registry, { type: "yank", id, version, reason }, input.trust) });
}

/** An unsigned change would make readers refuse the whole package: what its signed state does not name is not believed. */
function committing(registry: string, change: Change, trust: PublishInput["trust"]): { commit?: () => Promise<void> } {
  if (trust !== undefined) return { commit: () => trust.commit(change) };
  if (!existsSync(join(registry, TIMESTAMP_PATH))) return {};
  throw new PlinthError("PLINTH_REGISTRY_SIGNED", "This registry signs its state, which takes its own keys.", {
    next: "Publish through its service, or into another folder.",
  });
}

/** The checked manifest of a tarball whose entry is really there. */
export async function readPackageManifest(tarball: Uint8Array): Promise<PackageVersion["manifest"]> {
  return (await readPackage(tarball)).manifest;
}

/** The same, with all the package's files. */
export async function readPackage(tarball: Uint8Array): Promise<{ manifest: PackageVersion["manifest"]; files: Map<string, Buffer> }> {
  const files = await readArchive(tarball);
  const text = files.get("plinth.json");
  if (text === undefined) {
    throw new PlinthError("PLINTH_MANIFEST_MISSING", "The package has no plinth.json.", {
      next: "Make it with `plinth pack`.",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch (error) {
    throw new PlinthError("PLINTH_MANIFEST_INVALID", `The package's plinth.json is not JSON: ${reason(error)}.`, {
      next: "Correct it and pack again.",
    });
  }
  const manifest = await assertManifest(value, "The package's plinth.json");
  const entry = manifest.entry?.replace(/^\.\//, "");
  if (entry !== undefined && !files.has(entry)) {
    throw new PlinthError("PLINTH_MANIFEST_INVALID", `The package's plinth.json names ${manifest.entry}, which the package does not hold.`, {
      next: "Make the package with `plinth pack`.",
    });
  }
  return { manifest, files };
}
