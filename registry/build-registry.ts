import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PackageVersion } from "@plinth/manifests";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { makeFolders } from "@plinth/manifests/home/folders.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { addKey, signableOf } from "./admission.ts";
import type { BundleOptions } from "./bundle.ts";
import { indexPath, tarballPath } from "./layout.ts";
import { type PackedExtension, packExtension } from "./pack-extension.ts";
import { assertPublisher, type Published } from "./publish.ts";
import { completeIndex, RegistryFolder, searchRowOf } from "./registry-folder.ts";
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
  const packed = await eachOf(dirs, (dir) => packExtension(dir, options));
  return assembleRegistry(packed, outDir, key, options);
}

/** The same of packages that were just packed here, one version of each. Nobody else may write there meanwhile. */
export async function assembleRegistry(
  packed: readonly Pick<PackedExtension, "manifest" | "tarball">[],
  outDir: string,
  key: PublisherKey,
  { publishedAt = "2026-01-01T00:00:00.000Z", name, roleKeys }: AssembleOptions = {},
): Promise<Published[]> {
  makeFolders(outDir);
  if ((await readdir(outDir)).length > 0) {
    throw new PlinthError("PLINTH_REGISTRY_EXISTS", `${outDir} is not empty.`, { next: "Build into a new folder." });
  }
  const folder = new RegistryFolder(outDir);
  const root = await folder.root(name);
  const ids = new Set<string>();
  const rows: SearchRow[] = [];
  const published = await eachOf(packed, async ({ manifest, tarball }): Promise<Published> => {
    const { id, version } = manifest;
    assertPublisher(id, key);
    const { id: _, ...signable } = signableOf({ tarball, manifest, publishedAt });
    const entry: PackageVersion = { ...signable, tarball: tarballPath(id, version), signature: sign({ id, ...signable }, key) };
    if (ids.has(id)) {
      throw new PlinthError("PLINTH_VERSION_EXISTS", `${id} is there twice.`, { next: "Give one of them another id." });
    }
    ids.add(id);
    const index = await completeIndex({ id, versions: [entry] });
    await writeNew(join(outDir, entry.tarball), tarball);
    await writeNew(join(outDir, indexPath(id)), prettyJson(index));
    const row = searchRowOf(index);
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

/** Nobody reads a registry that is being made: when the machine dies it is made anew. */
async function writeNew(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes, { mode: 0o644, flag: "wx" });
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
