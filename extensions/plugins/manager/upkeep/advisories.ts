import type { AdvisoryFinding } from "@plinth/registry";
import type { Context } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import { advisorySettingsOf } from "../market/settings.ts";
import type { World } from "../world.ts";

/** What the registries' feeds mean for what is installed from them, the gravest first. */
export async function advisoriesFor(
  ctx: Context,
  registries: Registries,
  { installed }: World,
  signal: AbortSignal,
): Promise<{ findings: AdvisoryFinding[]; failed: { registry: string; message: string }[] }> {
  if (installed.size === 0) return { findings: [], failed: [] };
  const { adviseOn } = await import("@plinth/registry");
  const { feeds, failed } = await registries.advisories(signal);
  const findings = feeds.flatMap(({ registry, root, feed }) => {
    // A registry speaks of what it delivered, and of nothing else: by its keys, or by its name where an older lock has no more.
    const its = [...installed].filter(([, { lock }]) => (lock.root === undefined ? lock.registry === registry : lock.root === root));
    const versions = its.map(([id, { manifest }]) => ({ id, version: manifest.version }));
    return adviseOn(feed, versions, advisorySettingsOf(ctx));
  });
  return { findings, failed };
}
