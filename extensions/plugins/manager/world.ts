import { type Context, type KernelSnapshot, type Manifest, PlinthError } from "@plinth/sdk";

export type Lock = KernelSnapshot["lock"];
export type LockEntry = Lock["extensions"][string];
type Config = KernelSnapshot["config"];
export type Settings = Exclude<NonNullable<Config["extensions"]>[string], string>;

export interface Installed {
  manifest: Manifest;
  digest: string;
  dir: string | undefined;
  lock: LockEntry;
  /** Part of what runs: neither blocked nor disabled. */
  planned: boolean;
}

/** What is installed on this host, and what its configuration says, at one moment. */
export interface World {
  version: string;
  home: string;
  bundled: ReadonlyMap<string, Manifest>;
  installed: ReadonlyMap<string, Installed>;
  lock: Lock;
  /** Digests of the product's own packages by id, installed or not. */
  packages: KernelSnapshot["packages"];
  config: Config;
  snapshot: KernelSnapshot;
}

export async function readWorld(ctx: Context): Promise<World> {
  const snapshot = await ctx.use("plinth.kernel").one().snapshot({});
  const { version, home, lock, packages, config, records, blocked, disabled } = snapshot;
  const bundled = new Map(records.filter((one) => one.bundled && !disabled.has(one.manifest.id)).map((one) => [one.manifest.id, one.manifest]));
  const installed = new Map<string, Installed>();
  for (const { manifest, digest, bundled: own, dir } of records) {
    const entry = lock.extensions[manifest.id];
    if (own || entry === undefined) continue;
    const planned = !blocked.has(manifest.id) && !disabled.has(manifest.id);
    installed.set(manifest.id, { manifest, digest, dir, lock: entry, planned });
  }
  return { version, home, bundled, installed, lock, packages, config, snapshot };
}

/** An installed extension; says why there is none. */
export function installedOf({ installed, bundled }: World, id: string): Installed {
  const found = installed.get(id);
  if (found !== undefined) return found;
  if (bundled.has(id)) {
    throw new PlinthError("PLINTH_BUNDLED", `${id} belongs to the product and changes with it only.`, { next: "Update the product." });
  }
  throw new PlinthError("PLINTH_NOT_INSTALLED", `${id.slice(0, 120)} is not installed.`, { next: "`plinth plugins list` shows what is." });
}

/** Whether the product itself brings it as a package. */
export const isOwnPackage = ({ packages }: Pick<World, "packages">, id: string): boolean => Object.hasOwn(packages, id);

/** Whether it was installed from another version or build of the product, and this one has its own. */
export function isOfOtherProduct({ packages, installed }: Pick<World, "packages" | "installed">, id: string): boolean {
  const here = installed.get(id);
  return here !== undefined && Object.hasOwn(packages, id) && packages[id] !== here.digest;
}

/** What the configuration says of an extension; a bare string is a version. */
export function settingsIn(config: Config, id: string): Settings {
  const found = Object.hasOwn(config.extensions ?? {}, id) ? config.extensions?.[id] : undefined;
  return typeof found === "string" ? { version: found } : (found ?? {});
}

/** What came along with something, and nobody needs any more. */
export function unneededIn({ installed }: World): string[] {
  const needed = new Set([...installed.values()].flatMap(({ manifest }) => Object.keys(manifest.extensions ?? {})));
  const unneeded = [...installed].filter(([id, { lock }]) => lock.pinnedBy === "resolver" && !needed.has(id));
  return unneeded.map(([id]) => id).sort();
}
