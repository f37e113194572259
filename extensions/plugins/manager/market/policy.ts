import type { ReleasePolicy, TrustEvidence } from "@plinth/registry";
import { type Manifest, PlinthError } from "@plinth/sdk";
import { safe } from "../report.ts";
import type { Installed, LockEntry } from "../world.ts";
import type { Entry } from "./registries.ts";

const MOST_ALARMS = 6;

/** Why a version of a registry is not chosen now; null = it may be. */
export async function refusalOf(
  id: string,
  entry: Entry,
  { policy, registry, released, now }: { policy: ReleasePolicy; registry: string; released: ReadonlyMap<string, Date>; now: number },
): Promise<string | null> {
  if (entry.blocked !== undefined) return `its registry withholds it: ${safe(entry.blocked)}`;
  if (entry.yanked !== undefined) return `it was withdrawn: ${safe(entry.yanked)}`;
  const { ageFinding } = await import("@plinth/registry");
  const since = released.get(entry.version);
  const young = ageFinding(id, entry, { policy, registry, now: new Date(now), ...(since === undefined ? {} : { released: since }) });
  return young === undefined ? null : young.message.replace(/\.$/, "");
}

/**
 * Refuse what is less vouched for than what it replaces, and other bytes under a known version.
 *
 * @throws PLINTH_TRUST_DOWNGRADE, PLINTH_VERSION_REPUBLISHED.
 */
export async function assertTrusted(
  installed: Installed | undefined,
  next: { id: string; version: string; integrity?: string; keyId?: string; registry?: string; root?: string; log?: number; followed: boolean },
  policy: ReleasePolicy,
): Promise<void> {
  if (installed === undefined) return;
  const { lock, manifest } = installed;
  const { id, version } = next;
  if (manifest.version === version && lock.integrity !== undefined && lock.registry !== undefined && lock.registry === next.registry) {
    if (lock.integrity !== next.integrity) {
      throw new PlinthError("PLINTH_VERSION_REPUBLISHED", `${id} ${version} is not the one that was installed here: versions never change.`, {
        next: "Do not install it; tell its publisher and who runs the registry.",
      });
    }
  }
  const { downgradeFindings } = await import("@plinth/registry");
  const publisher = id.slice(0, id.indexOf("."));
  const evidence = (keyId: string | undefined, { registry, root, log }: Pick<LockEntry, "registry" | "root" | "log">): TrustEvidence => ({
    publisher,
    logged: log !== undefined,
    ...(keyId === undefined ? {} : { keyId }),
    ...(registry === undefined ? {} : { registry }),
    ...(root === undefined ? {} : { root }),
  });
  const [lost] = downgradeFindings(id, evidence(lock.signature?.keyId, lock), evidence(next.keyId, next), { policy, followed: next.followed });
  if (lost === undefined) return;
  throw new PlinthError(lost.code, `${lost.message} What vouched for ${id} ${manifest.version} does not vouch for this.`, {
    next: `If you want it all the same: plinth plugins uninstall ${id} --keep-data, then install it.`,
    details: { id, version },
  });
}

/** What an owner should read before saying yes to an update, besides what it asks for. */
export async function noticesOf(before: Manifest | undefined, after: Manifest): Promise<string[]> {
  if (before === undefined) return [];
  const { edgeFindings, steeringChanges, steeringTexts } = await import("@plinth/registry");
  const notices = edgeFindings(before, after).map(({ message }) => message);
  for (const { where, from, to } of steeringChanges(steeringTexts(before), steeringTexts(after))) {
    if (where === "title" || where === "description") continue;
    const said = to === undefined ? "nothing any more" : `“${to.slice(0, 160)}”`;
    notices.push(`tells a model something else in ${where}: ${said}${from === undefined ? " (new)" : ""}`);
  }
  if (await isOlder(after.version, before.version)) notices.push(`${after.version} is older than ${before.version}, which is installed`);
  return notices;
}

/** What a look at the files tells that the manifest does not say. Declared powers are no alarm. */
export async function alarmsOf(dir: string, manifest: Manifest, signal: AbortSignal): Promise<string[]> {
  const { scanFolder } = await import("@plinth/registry");
  const findings = await scanFolder(dir, manifest, { signal });
  const alarms = findings.filter(({ level }) => level === "danger");
  const lines = [...new Set(alarms.map(({ message, file }) => `${message}${file === undefined ? "" : ` (${file})`}`))];
  return lines.length > MOST_ALARMS ? [...lines.slice(0, MOST_ALARMS), `and ${lines.length - MOST_ALARMS} more of these`] : lines;
}

export async function isOlder(version: string, than: string): Promise<boolean> {
  const { default: semver } = await import("semver");
  return semver.lt(version, than);
}
