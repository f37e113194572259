import { PlinthError } from "@plinth/sdk";
import semver from "semver";
import { type Lock, settingsIn, type World } from "../world.ts";
import type { Step } from "./step.ts";

/**
 * What is missing here of a lockfile, as steps: from this machine where its packages are, else from where the lockfile
 * says. Versions are never chosen.
 *
 * @param kept where the package of a digest is kept on this machine.
 * @param exactly also refuse what is installed here and not in the lockfile.
 * @throws PLINTH_LOCK_DIFFERS when the configuration or what is installed says otherwise.
 */
export async function stepsOfLock(
  lock: Lock,
  world: World,
  { kept, exactly }: { kept: (digest: string) => Promise<string | undefined>; exactly: boolean },
): Promise<Step[]> {
  const problems = differences(lock, world, exactly);
  if (problems.length > 0) {
    throw new PlinthError("PLINTH_LOCK_DIFFERS", `The lockfile and this host do not fit: ${problems.slice(0, 6).join("; ")}.`, {
      next: "Correct plinth.json, or make the lockfile anew where it was made. Nothing was changed.",
      details: { problems },
    });
  }
  const steps: Step[] = [];
  for (const [id, entry] of Object.entries(lock.extensions).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const here = world.installed.get(id);
    const consent = world.snapshot.grants.get(id);
    if (here?.digest === entry.digest && consent?.digest === entry.digest && isSame(here.lock, entry)) continue;
    const { version: _version, digest, pinnedBy, reason, ...provenance } = entry;
    const dir = here?.digest === digest ? here.dir : await kept(digest);
    const from: Step["from"] = dir === undefined ? { spec: entry.source } : { dir, provenance };
    steps.push({ id, asked: pinnedBy === "operator", because: reason === "" ? [] : [reason], from, locked: entry });
  }
  return steps;
}

function differences(lock: Lock, { config, installed, bundled }: World, exactly: boolean): string[] {
  const problems: string[] = [];
  for (const [id, { version }] of Object.entries(lock.extensions)) {
    const pin = settingsIn(config, id).version;
    if (pin !== undefined && !semver.satisfies(version, pin, { includePrerelease: true })) {
      problems.push(`plinth.json wants ${id} ${pin}, the lockfile has ${version}`);
    }
  }
  for (const id of Object.keys(config.extensions ?? {})) {
    const { version, source } = settingsIn(config, id);
    if ((version ?? source) === undefined || bundled.has(id) || lock.extensions[id] !== undefined) continue;
    problems.push(`plinth.json names ${id}, which the lockfile has not`);
  }
  if (exactly) {
    for (const id of installed.keys()) if (lock.extensions[id] === undefined) problems.push(`${id} is installed, and the lockfile has it not`);
  }
  return problems;
}

function isSame(one: object, other: object): boolean {
  const flat = (value: object): string => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return flat(one) === flat(other);
}
