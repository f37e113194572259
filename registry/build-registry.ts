import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PackageVersion } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { addKey, signableOf } from "./admission.ts";
import type { BundleOptions } from "./bundle.ts";
import { tarballPath } from "./layout.ts";
import { packExtension } from "./pack-extension.ts";
import { writePublic } from "./public-file.ts";
import { assertPublisher, type Published, readPackageManifest } from "./publish.ts";
import { RegistryFolder, searchRowOf } from "./registry-folder.ts";
import type { SearchRow } from "./search.ts";
import { type PublisherKey, sign } from "./signing.ts";
import { RegistryTrust } from "./trust/registry-trust.ts";
import type { RoleKeys } from "./trust/roles.ts";

export interface AssembleOptions {
  /** Default: the folder's name. */
  name?: string;
  /** ISO 8601, one for all; default 2026-01-01T00:00:00.000Z, so that the same sources give the same registry. */
  publishedAt?: string;
  /** Role keys to sign the registry's state with. Nobody renews a built registry, so that what they sign is good for ten years. */
  roleKeys?: RoleKeys;
}

export interface BuildRegistryOptions extends BundleOptions, AssembleOptions {}

const TEN_YEARS = 10 * 365 * 86_400_000;
/** So many packages are bundled or written at once. */
const AT_ONCE = 8;

/** Make a registry of extension folders: each is packed and published into the new folder `outDir`. */
export async function buildRegistry(
  dirs: readonly string[],
  outDir: string,
  key: PublisherKey,
  options: BuildRegistryOptions = {},
): Promise<Published[]> {
  const tarballs = await eachOf(dirs, async (dir) => (await packExtension(dir, options)).tarball);
  return assembleRegistry(tarballs, outDir, key, options);
}

/** The same of packages that are packed already, one version of each. Nobody else may write there meanwhile. */
export async function assembleRegistry(
  tarballs: readonly Uint8Array[],
  outDir: string,
  key: PublisherKey,
  { publishedAt = "2026-01-01T00:00:00.000Z", name, roleKeys }: AssembleOptions = {},
): Promise<Published[]> {
  await mkdir(outDir, { recursive: true });
  if ((await readdir(outDir)).length > 0) {
    throw new PlinthError("PLINTH_REGISTRY_EXISTS", `${outDir} is not empty.`, { next: "Build into a new folder." });
  }
  const folder = new RegistryFolder(outDir);
  const root = await folder.root(name);
  const ids = new Set<string>();
  const rows: SearchRow[] = [];
  const published = await eachOf(tarballs, async (tarball): Promise<Published> => {
    const manifest = await readPackageManifest(tarball);
    const { id, version } = manifest;
    assertPublisher(id, key);
    const { id: _, ...signable } = signableOf({ tarball, manifest, publishedAt });
    const entry: PackageVersion = { ...signable, tarball: tarballPath(id, version), signature: sign({ id, ...signable }, key) };
    if (ids.has(id)) {
      throw new PlinthError("PLINTH_VERSION_EXISTS", `${id} is there twice.`, { next: "Give one of them another id." });
    }
    ids.add(id);
    await writePublic(join(outDir, entry.tarball), tarball);
    const row = searchRowOf(await folder.writeIndex({ id, versions: [entry], tags: {} }, false));
    if (row !== undefined) rows.push(row);
    return { id, version, integrity: entry.integrity, size: entry.size, tarball: entry.tarball, keyId: key.keyId, newPublisher: false };
  });
  if (published[0] !== undefined) published[0].newPublisher = addKey(root, key.publisher, key);
  await folder.writeSearch(rows);
  await folder.writeRoot(root);
  if (roleKeys !== undefined) {
    const lifetimes = { root: TEN_YEARS, snapshot: TEN_YEARS, timestamp: TEN_YEARS };
    await RegistryTrust.open(outDir, roleKeys, { clock: () => new Date(publishedAt), lifetimes });
  }
  return published;
}

/** Some at once, results in order; the first failure ends it. */
async function eachOf<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const todo = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
