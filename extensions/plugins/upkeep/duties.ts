import type { KernelSnapshot } from "@plinth/sdk";

export interface Duties {
  /** Ids that the configuration names with a version or a source, and that are not here. */
  missing: string[];
  /** Whether a turn waits for them. */
  waits: boolean;
  /** How often advisories are read; 0: never. */
  everyHours: number;
}

interface ManagerSettings {
  setup?: { missing?: string };
  advisories?: { everyHours?: number };
}

export function dutiesOf({ config, records }: Pick<KernelSnapshot, "config" | "records">): Duties {
  const here = new Set(records.map(({ manifest }) => manifest.id));
  const missing = Object.entries(config.extensions ?? {}).flatMap(([id, entry]) => {
    if (here.has(id)) return [];
    const { version, source, enabled } = typeof entry === "string" ? { version: entry, source: undefined, enabled: true } : entry;
    return enabled !== false && (version !== undefined || source !== undefined) ? [id] : [];
  });
  const manager = config.extensions?.["plinth.plugins"];
  const { setup, advisories } = ((typeof manager === "object" ? manager.config : undefined) ?? {}) as ManagerSettings;
  return { missing, waits: setup?.missing === "wait", everyHours: advisories?.everyHours ?? 0 };
}
