import type { Advisory, Severity } from "@plinth/manifests";
import semver from "semver";
import type { Feed } from "./registry-state.ts";

export type AdvisoryAction = "none" | "warn" | "disable" | "remove";

const ACTIONS: readonly AdvisoryAction[] = ["none", "warn", "disable", "remove"];
const SEVERITIES: readonly Severity[] = ["low", "medium", "high", "critical"];

/** What a host does about advisories. The registry advises; the operator's configuration decides. */
export interface AdvisoryPolicy {
  /** From which severity a host does what by itself; default: warn from low, disable from high, never remove. */
  warnFrom?: Severity | "never";
  disableFrom?: Severity | "never";
  removeFrom?: Severity | "never";
  /** What a withdrawn version gets; default warn. */
  withdrawn?: AdvisoryAction;
  /** Advisories that the operator has judged and lives with, by id, or `id@advisory` for one package. */
  ignore?: readonly string[];
}

export interface Installed {
  id: string;
  version: string;
}

/** Whether an advisory is about a version. Prereleases of an affected range count. */
export function isAffected({ package: id, affected, retracted }: Advisory, installed: Installed): boolean {
  return retracted === undefined && id === installed.id && semver.satisfies(installed.version, affected, { includePrerelease: true });
}

/** What is to be done about one installed version because of one advisory: never more than the registry advises. */
export function advisoryAction(advisory: Advisory, installed: Installed, policy: AdvisoryPolicy = {}): AdvisoryAction {
  const { ignore = [], warnFrom = "low", disableFrom = "high", removeFrom = "never" } = policy;
  if (!isAffected(advisory, installed) || ignore.includes(advisory.id) || ignore.includes(`${installed.id}@${advisory.id}`)) return "none";
  const reaches = (from: Severity | "never") => from !== "never" && SEVERITIES.indexOf(advisory.severity) >= SEVERITIES.indexOf(from);
  const allowed = reaches(removeFrom) ? "remove" : reaches(disableFrom) ? "disable" : reaches(warnFrom) ? "warn" : "none";
  return lesser(allowed, advisory.action);
}

export interface Finding {
  installed: Installed;
  action: Exclude<AdvisoryAction, "none">;
  /** For people: what and why. */
  message: string;
  advisory?: Advisory;
}

/** What a feed means for what is installed, the gravest first. */
export function adviseOn(feed: Feed, installed: readonly Installed[], policy: AdvisoryPolicy = {}): Finding[] {
  const findings: Finding[] = [];
  for (const one of installed) {
    for (const advisory of feed.advisories) {
      const action = advisoryAction(advisory, one, policy);
      if (action === "none") continue;
      const repair = advisory.fixed === undefined ? "There is no repaired version yet." : `It is repaired in ${advisory.fixed}.`;
      findings.push({
        installed: one,
        action,
        advisory,
        message: `${one.id} ${one.version}: ${advisory.title} (${advisory.severity}, ${advisory.id}). ${repair}`,
      });
    }
    const gone = feed.withdrawn.find(({ id, version }) => id === one.id && version === one.version);
    const { withdrawn = "warn" } = policy;
    if (gone !== undefined && withdrawn !== "none") {
      findings.push({ installed: one, action: withdrawn, message: `${one.id} ${one.version} was withdrawn: ${gone.reason}.` });
    }
  }
  return findings.sort((a, b) => ACTIONS.indexOf(b.action) - ACTIONS.indexOf(a.action));
}

const lesser = (a: AdvisoryAction, b: AdvisoryAction): AdvisoryAction => ACTIONS[Math.min(ACTIONS.indexOf(a), ACTIONS.indexOf(b))]!;
