import type { KernelSnapshot } from "@plinth/sdk";

export interface Duties {
  /**
   * Ids that the configuration names with a version or a source, and that are not here; of the product's own packages also
   * those that it names at all, and those that are here from another version of the product.
   */
  missing: string[];
  /** Whether a turn waits for them. */
  waits: boolean;
  /** How often advisories are read; 0: never. */
  everyHours: number;
  /** When that begins, after the gateway has: at once where somebody asked for it. */
  firstMs: number;
}

interface ManagerSettings {
  setup?: { missing?: string };
  advisories?: { everyHours?: number };
}

/** Where something came from a registry, and nobody decided otherwise. */
const EVERY_HOURS = 12;
/** Not while the host starts: it loads the plugin manager, and whoever waits comes first. */
const FIRST_MS = 30_000;

export function dutiesOf({ config, records, lock, packages }: Pick<KernelSnapshot, "config" | "records" | "lock" | "packages">): Duties {
  const here = new Set(records.map(({ manifest }) => manifest.id));
  const named = Object.entries(config.extensions ?? {}).flatMap(([id, entry]) => {
    if (here.has(id)) return [];
    const { version, source, enabled } = typeof entry === "string" ? { version: entry, source: undefined, enabled: true } : entry;
    return enabled !== false && (version !== undefined || source !== undefined || Object.hasOwn(packages, id)) ? [id] : [];
  });
  const other = records.filter(({ manifest: { id }, digest }) => Object.hasOwn(packages, id) && packages[id] !== digest);
  const missing = [...named, ...other.map(({ manifest }) => manifest.id)];
  const manager = config.extensions?.["plinth.plugins"];
  const { setup, advisories } = ((typeof manager === "object" ? manager.config : undefined) ?? {}) as ManagerSettings;
  const fromMarket = Object.values(lock.extensions).some(({ source }) => source.startsWith("registry:"));
  return {
    missing,
    // The product's own are on this disk: the first turn has what its owner set up.
    waits: setup?.missing === "wait" || missing.some((id) => Object.hasOwn(packages, id)),
    everyHours: advisories?.everyHours ?? (fromMarket ? EVERY_HOURS : 0),
    firstMs: advisories?.everyHours ? 0 : FIRST_MS,
  };
}
