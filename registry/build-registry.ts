import { mkdir, readdir } from "node:fs/promises";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { BundleOptions } from "./bundle.ts";
import { packExtension } from "./pack-extension.ts";
import { type Published, publish } from "./publish.ts";
import { RegistryFolder } from "./registry-folder.ts";
import type { PublisherKey } from "./signing.ts";
import { RegistryTrust } from "./trust/registry-trust.ts";
import type { RoleKeys } from "./trust/roles.ts";

export interface BuildRegistryOptions extends BundleOptions {
  /** Default: the folder's name. */
  name?: string;
  /** ISO 8601, one for all; default 2026-01-01T00:00:00.000Z, so that the same sources give the same registry. */
  publishedAt?: string;
  /** Role keys to sign the registry's state with. Nobody renews a built registry, so that what they sign is good for ten years. */
  roleKeys?: RoleKeys;
}

const TEN_YEARS = 10 * 365 * 86_400_000;

/** Make a registry of extension folders: each is packed and published into the new folder `outDir`. */
export async function buildRegistry(
  dirs: readonly string[],
  outDir: string,
  key: PublisherKey,
  options: BuildRegistryOptions = {},
): Promise<Published[]> {
  const { publishedAt = "2026-01-01T00:00:00.000Z", name, roleKeys, ...bundling } = options;
  await mkdir(outDir, { recursive: true });
  if ((await readdir(outDir)).length > 0) {
    throw new PlinthError("PLINTH_REGISTRY_EXISTS", `${outDir} is not empty.`, { next: "Build into a new folder." });
  }
  const folder = new RegistryFolder(outDir);
  await folder.writeRoot(await folder.root(name));
  const published: Published[] = [];
  for (const dir of dirs) {
    const { tarball } = await packExtension(dir, bundling);
    published.push(await publish({ registry: outDir, tarball, key, publishedAt }));
  }
  if (roleKeys !== undefined) {
    const lifetimes = { root: TEN_YEARS, snapshot: TEN_YEARS, timestamp: TEN_YEARS };
    await RegistryTrust.open(outDir, roleKeys, { clock: () => new Date(publishedAt), lifetimes });
  }
  return published;
}
