import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PackageIndex, PackageVersion, RegistryRoot } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { readArchive } from "./archive.ts";
import { writeAtomic } from "./atomic-file.ts";
import { integrityOf } from "./integrity.ts";
import { LOCK_FILE, splitId, tarballPath } from "./layout.ts";
import { assertManifest } from "./manifest-check.ts";
import { type LockOptions, withLock } from "./publish-lock.ts";
import { RegistryFolder } from "./registry-folder.ts";
import { type PublisherKey, sign } from "./signing.ts";
import { reason } from "./system-error.ts";

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
 * Publish a tarball: check it, sign it, write the tarball, then the index that names it, then the search row. Each file
 * appears whole or not at all, and in an order in which a reader never meets a name without its bytes.
 *
 * @throws PLINTH_VERSION_EXISTS, PLINTH_PUBLISHER_KEY, PLINTH_MANIFEST_INVALID, PLINTH_ARCHIVE_*.
 */
export async function publish(input: PublishInput): Promise<Published> {
  const { registry, tarball: bytes, key } = input;
  const manifest = await readPackageManifest(bytes);
  const { id, version } = manifest;
  const { publisher } = splitId(id);
  if (publisher !== key.publisher) {
    throw new PlinthError("PLINTH_PUBLISHER_KEY", `The key belongs to ${key.publisher}, but the package is ${id}.`, {
      next: `Sign with the key of ${publisher}, or change the id in plinth.json.`,
    });
  }
  const signable = {
    id,
    version,
    integrity: integrityOf(bytes),
    size: bytes.length,
    manifest,
    publishedAt: input.publishedAt ?? new Date().toISOString(),
  };
  const entry: PackageVersion = {
    version,
    tarball: tarballPath(id, version),
    integrity: signable.integrity,
    size: signable.size,
    manifest,
    publishedAt: signable.publishedAt,
    signature: sign(signable, key),
  };
  await mkdir(registry, { recursive: true });
  return withLock(
    join(registry, LOCK_FILE),
    async () => {
      const folder = new RegistryFolder(registry);
      const root = await folder.root(input.name);
      const newPublisher = admitKey(root, key);
      const index = await folder.index(id);
      assertNew(index, version);
      // A blob that no index names was left by a publish that died; replacing it changes nothing that anybody could read.
      await writeAtomic(join(registry, entry.tarball), bytes);
      if (newPublisher) await folder.writeRoot(root);
      await folder.writeIndex({ ...index, versions: [...index.versions, entry] });
      return {
        id,
        version,
        integrity: entry.integrity,
        size: entry.size,
        tarball: entry.tarball,
        keyId: key.keyId,
        newPublisher,
      };
    },
    input.lock,
  );
}

/** Withdraw a version: it stays for those who locked it, but is never chosen again. */
export async function yank(input: { registry: string; id: string; version: string; reason: string; key: PublisherKey }): Promise<void> {
  await withLock(join(input.registry, LOCK_FILE), async () => {
    const folder = new RegistryFolder(input.registry);
    if (splitId(input.id).publisher !== input.key.publisher || admitKey(await folder.root(), input.key)) throw wrongKey(input.key.publisher);
    const index = await folder.index(input.id);
    const entry = index.versions.find(({ version }) => version === input.version);
    if (entry === undefined) {
      throw new PlinthError("PLINTH_VERSION_UNKNOWN", `${input.id} has no version ${input.version}.`, {
        next: "Name a published version.",
      });
    }
    entry.yanked = input.reason;
    await folder.writeIndex(index);
  });
}

/** The checked manifest of a tarball whose entry is really there. */
export async function readPackageManifest(tarball: Uint8Array): Promise<PackageVersion["manifest"]> {
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
  return manifest;
}

/** Whether the key is the publisher's first here; it is then recorded in `root`. Another key than the recorded one is refused. */
function admitKey(root: RegistryRoot, key: PublisherKey): boolean {
  const known = Object.hasOwn(root.keys, key.publisher) ? root.keys[key.publisher]! : undefined;
  if (known === undefined) {
    root.keys[key.publisher] = [{ keyId: key.keyId, publicKey: key.publicKey }];
    return true;
  }
  if (known.some(({ keyId, publicKey }) => keyId === key.keyId && publicKey === key.publicKey)) return false;
  throw wrongKey(key.publisher);
}

function assertNew(index: PackageIndex, version: string): void {
  // Versions that differ in build metadata only have no order; one of them would be chosen by chance.
  const twin = index.versions.find((known) => semver.eq(known.version, version));
  if (twin === undefined) return;
  throw new PlinthError("PLINTH_VERSION_EXISTS", `${index.id} ${twin.version} is published already, and versions never change.`, {
    next: "Raise the version in plinth.json and publish again.",
  });
}

function wrongKey(publisher: string): PlinthError {
  return new PlinthError("PLINTH_PUBLISHER_KEY", `This registry knows ${publisher} by another key.`, {
    next: `Use the key that ${publisher} first published with, or choose another publisher's name.`,
  });
}
