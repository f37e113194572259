import type { Manifest, PackageVersion } from "@plinth/manifests";
import semver from "semver";

/** How careful a host is with what is new. */
export interface ReleasePolicy {
  /** Youngest age in milliseconds at which a version is chosen; default 24 hours. */
  minimumAgeMs?: number;
  /** Registries by name, ids and `publisher.*` that need no age: first-party ones, and an urgent repair that the owner names. */
  exempt?: readonly string[];
  /** false: an update may be less vouched for than what it replaces; default true. */
  noDowngrade?: boolean;
}

export const MINIMUM_AGE_MS = 86_400_000;

/** What vouches for a version. A host keeps it with what it has installed. */
export interface TrustEvidence {
  publisher: string;
  /** Name of the registry; undefined for other sources. */
  registry?: string;
  /** The registry's identity, its root key set, where it signs its state. */
  root?: string;
  /** The key that signed it; undefined: unsigned. */
  keyId?: string;
  /** Whether it was found in the registry's log. */
  logged: boolean;
  /** Where it was built, if that was attested. */
  provenance?: string;
}

export interface ReleaseFinding {
  code: "PLINTH_RELEASE_YOUNG" | "PLINTH_TRUST_DOWNGRADE" | "PLINTH_RELEASE_EDGE";
  message: string;
}

/** The time from which a version's age counts: the registry's, which the log proves, before the publisher's own. */
export function releasedAt(entry: Pick<PackageVersion, "publishedAt" | "log">): Date {
  return new Date(entry.log?.at ?? entry.publishedAt);
}

/**
 * undefined: old enough. A time in the future is no age.
 *
 * @param options.released when it was there at the earliest by what this host saw itself; default: what the entry says.
 */
export function ageFinding(
  id: string,
  entry: Pick<PackageVersion, "version" | "publishedAt" | "log">,
  { policy, registry, now, released: seen = releasedAt(entry) }: { policy: ReleasePolicy; registry?: string; now: Date; released?: Date },
): ReleaseFinding | undefined {
  const { minimumAgeMs = MINIMUM_AGE_MS, exempt = [] } = policy;
  const names = [id, `${id.slice(0, id.indexOf("."))}.*`, ...(registry === undefined ? [] : [registry])];
  if (minimumAgeMs <= 0 || names.some((name) => exempt.includes(name))) return undefined;
  const released = seen.getTime();
  if (released + minimumAgeMs <= now.getTime()) return undefined;
  const stated = releasedAt(entry).getTime();
  const how = Number.isNaN(stated) || released > stated ? "was first seen here" : "was published";
  const when = Number.isNaN(released) ? "was published at an unknown time" : `${how} at ${new Date(released).toISOString()}`;
  const hours = Math.round(minimumAgeMs / 360_000) / 10;
  return {
    code: "PLINTH_RELEASE_YOUNG",
    message: `${id} ${entry.version} ${when}; versions are chosen when they are ${hours} hours old.`,
  };
}

/**
 * What vouched for the installed version and does not for its update.
 *
 * @param followed whether the update's key follows from the installed one's; the client's pins say so.
 */
export function downgradeFindings(
  id: string,
  installed: TrustEvidence,
  update: TrustEvidence,
  { policy, followed }: { policy: ReleasePolicy; followed: boolean },
): ReleaseFinding[] {
  if (policy.noDowngrade === false) return [];
  const lost: string[] = [];
  if (installed.keyId !== undefined && update.keyId === undefined) lost.push("is not signed any more");
  else if (installed.keyId !== undefined && installed.keyId !== update.keyId && !followed)
    lost.push("is signed with a key that does not follow from the known one");
  if (installed.publisher !== update.publisher) lost.push(`comes from ${update.publisher} instead of ${installed.publisher}`);
  if (installed.root !== undefined && update.registry !== undefined && installed.root !== update.root) {
    lost.push(`comes from a registry ${update.registry} with other root keys than the one before`);
  } else if (
    installed.registry !== undefined &&
    (installed.root === undefined || update.root === undefined) &&
    installed.registry !== update.registry
  ) {
    lost.push(`comes from ${update.registry === undefined ? "no registry" : `the registry ${update.registry}`} instead of ${installed.registry}`);
  }
  if (installed.logged && !update.logged) lost.push("is in no log any more");
  if (installed.provenance !== undefined && update.provenance === undefined) lost.push("does not say any more where it was built");
  else if (installed.provenance !== update.provenance && installed.provenance !== undefined) lost.push("was built elsewhere");
  return lost.map((what) => ({ code: "PLINTH_TRUST_DOWNGRADE", message: `The update of ${id} ${what}.` }));
}

/** Dependencies that a patch brings in although patches repair and add nothing. */
export function edgeFindings(from: Manifest, to: Manifest): ReleaseFinding[] {
  if (semver.diff(from.version, to.version) !== "patch") return [];
  const before = new Set([...Object.keys(from.extensions ?? {}), ...(from.uses ?? []).map(({ contract }) => contract)]);
  const added = [...Object.keys(to.extensions ?? {}), ...(to.uses ?? []).map(({ contract }) => contract)].filter((edge) => !before.has(edge));
  return added.map((edge) => ({
    code: "PLINTH_RELEASE_EDGE",
    message: `${to.id} ${to.version} is a patch and yet needs ${edge}, which ${from.version} did not.`,
  }));
}
