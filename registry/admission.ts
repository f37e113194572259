import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PackageIndex, PackageVersion, RegistryRoot, Signature } from "@plinth/manifests";
import { makeFolders } from "@plinth/manifests/home/folders.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { integrityOf } from "./integrity.ts";
import { indexPath, LOCK_FILE, ROOT_FILE, SEARCH_FILE, splitId, tarballPath } from "./layout.ts";
import { writePublic } from "./public-file.ts";
import { type LockOptions, withLock } from "./publish-lock.ts";
import { RegistryFolder } from "./registry-folder.ts";
import { type PublicKey, type Signable, verify } from "./signing.ts";
import { systemCode } from "./system-error.ts";

/** A checked package with its publisher's signature, ready to be let in. */
export interface SignedPackage {
  tarball: Uint8Array;
  manifest: PackageVersion["manifest"];
  /** ISO 8601; part of what is signed. */
  publishedAt: string;
  signature: Signature;
  /** Of the tarball, when it was worked out already. */
  integrity?: string;
}

export interface AdmitOptions {
  /** The registry's folder; made when it is not there. */
  registry: string;
  /** Name of a registry that is made by this; default: its folder's name. */
  name?: string;
  lock?: LockOptions;
  /** A publisher that is not known yet is recorded with this key; without it, it is refused. */
  firstKey?: PublicKey;
  /** false: the caller writes search.json itself, once for many. */
  searchRow?: boolean;
  /** Further checks, while nobody else writes and nothing is written yet. */
  check?(root: RegistryRoot, index: PackageIndex): Promise<void> | void;
  /** Makes the change count, while nobody else writes. When it throws, everything is put back as it was. */
  commit?(index: PackageIndex, entry: PackageVersion): Promise<void>;
  /** What follows the change, while nobody else writes. */
  done?(index: PackageIndex, entry: PackageVersion): Promise<void> | void;
}

export interface Admitted {
  entry: PackageVersion;
  /** true: this was the publisher's first package here, and the key now stands for the name. */
  newPublisher: boolean;
}

/** What a signature of this package has to cover. */
export function signableOf({ tarball, manifest, publishedAt, integrity = integrityOf(tarball) }: Omit<SignedPackage, "signature">): Signable {
  return { id: manifest.id, version: manifest.version, integrity, size: tarball.length, manifest, publishedAt };
}

/**
 * Let a package in under the registry's lock: the tarball is written first, then the publisher's key if it is new, then
 * the index that names it, each whole or not at all, so that a reader never meets a name without its bytes.
 *
 * @throws PLINTH_VERSION_EXISTS, PLINTH_PUBLISHER_KEY, PLINTH_PUBLISHER_UNKNOWN, PLINTH_SIGNATURE.
 */
export async function admit(packed: SignedPackage, options: AdmitOptions): Promise<Admitted> {
  const { id, version } = packed.manifest;
  const { id: _, ...signable } = signableOf(packed);
  const entry: PackageVersion = { ...signable, tarball: tarballPath(id, version), signature: packed.signature };
  makeFolders(options.registry);
  return withLock(
    join(options.registry, LOCK_FILE),
    async () => {
      const folder = new RegistryFolder(options.registry);
      const root = await folder.root(options.name);
      const { publisher } = splitId(id);
      const newPublisher = options.firstKey !== undefined && addKey(root, publisher, options.firstKey);
      assertSigned(root, publisher, id, entry);
      const index = await folder.index(id);
      assertNew(index, version);
      await options.check?.(root, index);
      const back = await restorer(options.registry, [entry.tarball, indexPath(id), ROOT_FILE, ...searchFile(options)]);
      // A blob that no index names was left by a publish that died; replacing it changes nothing that anybody could read.
      await writePublic(join(options.registry, entry.tarball), packed.tarball);
      if (newPublisher) await folder.writeRoot(root);
      const written = await folder.writeIndex({ ...index, versions: [...index.versions, entry] }, options.searchRow);
      await options.commit?.(written, entry).catch(back);
      await options.done?.(written, entry);
      return { entry, newPublisher };
    },
    options.lock,
  );
}

/** Change what the registry says of one version; its bytes, its manifest and its signature stay what they are. */
export async function changeVersion(
  id: string,
  version: string,
  change: (entry: Pick<PackageVersion, "yanked" | "deprecated" | "blocked">, root: RegistryRoot) => void,
  options: Pick<AdmitOptions, "registry" | "lock" | "searchRow" | "commit" | "done">,
): Promise<void> {
  await withLock(
    join(options.registry, LOCK_FILE),
    async () => {
      const folder = new RegistryFolder(options.registry);
      const index = await folder.index(id);
      const entry = index.versions.find((known) => known.version === version);
      if (entry === undefined) {
        throw new PlinthError("PLINTH_VERSION_UNKNOWN", `${id} has no version ${version}.`, { next: "Name a published version." });
      }
      change(entry, await folder.root());
      const back = await restorer(options.registry, [indexPath(id), ...searchFile(options)]);
      const written = await folder.writeIndex(index, options.searchRow);
      await options.commit?.(written, entry).catch(back);
      await options.done?.(written, entry);
    },
    options.lock,
  );
}

const searchFile = ({ searchRow = true }: Pick<AdmitOptions, "searchRow">): string[] => (searchRow ? [SEARCH_FILE] : []);

/** Puts files back as they are now where they have changed since, and throws on. */
async function restorer(dir: string, paths: readonly string[]): Promise<(error: unknown) => Promise<never>> {
  const kept = new Map<string, Buffer | undefined>();
  const read = (path: string) =>
    readFile(join(dir, path)).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    });
  for (const path of paths) kept.set(path, await read(path));
  return async (error) => {
    for (const [path, bytes] of kept) {
      if (bytes === undefined) await rm(join(dir, path), { force: true });
      else if (!(await read(path))?.equals(bytes)) await writePublic(join(dir, path), bytes);
    }
    throw error;
  };
}

/** Whether the key is the publisher's first here; it is then recorded in `root`. Another key than the recorded one is refused. */
export function addKey(root: RegistryRoot, publisher: string, key: PublicKey): boolean {
  const known = keysOf(root, publisher);
  // A name without a key in use is still its publisher's: they wait for the registry's recovery.
  if (!Object.hasOwn(root.keys, publisher)) {
    root.keys[publisher] = [{ keyId: key.keyId, publicKey: key.publicKey }];
    return true;
  }
  if (known.some(({ keyId, publicKey }) => keyId === key.keyId && publicKey === key.publicKey)) return false;
  throw wrongKey(publisher);
}

export function keysOf(root: RegistryRoot, publisher: string): PublicKey[] {
  return Object.hasOwn(root.keys, publisher) ? root.keys[publisher]! : [];
}

export function wrongKey(publisher: string): PlinthError {
  return new PlinthError("PLINTH_PUBLISHER_KEY", `This registry knows ${publisher} by another key.`, {
    next: `Use the key that ${publisher} first published with, or choose another publisher's name.`,
  });
}

function assertSigned(root: RegistryRoot, publisher: string, id: string, entry: PackageVersion): void {
  const known = keysOf(root, publisher);
  if (known.length === 0) {
    throw new PlinthError("PLINTH_PUBLISHER_UNKNOWN", `No publisher named ${publisher} is registered here.`, {
      next: "Register the name with your key first.",
    });
  }
  const key = known.find(({ keyId }) => keyId === entry.signature.keyId);
  if (key === undefined) throw wrongKey(publisher);
  if (verify({ ...entry, id }, entry.signature, key)) return;
  throw new PlinthError("PLINTH_SIGNATURE", `The signature of ${id} ${entry.version} does not fit the package.`, {
    next: "Sign exactly the bytes that you send, then publish again.",
  });
}

function assertNew(index: PackageIndex, version: string): void {
  // Versions that differ in build metadata only have no order; one of them would be chosen by chance.
  const twin = index.versions.find((known) => semver.eq(known.version, version));
  if (twin === undefined) return;
  throw new PlinthError("PLINTH_VERSION_EXISTS", `${index.id} ${twin.version} is published already, and versions never change.`, {
    next: "Raise the version in plinth.json and publish again.",
  });
}
