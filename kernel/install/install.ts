import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Candidate, Grant, LockEntry, Lockfile, Manifest } from "@plinth/manifests";
import { manifestInvalid } from "@plinth/manifests/check/manifest.ts";
import { candidateOf, grantOf, readPackage } from "@plinth/manifests/home/candidate.ts";
import { settingsOf } from "@plinth/manifests/home/config-file.ts";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import { putAside, takeBack } from "@plinth/manifests/home/kept-data.ts";
import { storePackage } from "@plinth/manifests/home/package-store.ts";
import { assertFoldersGrantable } from "@plinth/manifests/home/places.ts";
import { finishRemovals, removeUnlessInstalled } from "@plinth/manifests/home/removals.ts";
import { sweepStore } from "@plinth/manifests/home/sweep.ts";
import { discard } from "@plinth/manifests/home/trash.ts";
import { partyOf } from "@plinth/manifests/party.ts";
import { shapeOfVersion } from "@plinth/manifests/plan/contracts.ts";
import { imitation } from "@plinth/manifests/plan/imitation.ts";
import { type Plan, resolve } from "@plinth/manifests/plan/resolver.ts";
import { errors } from "../errors.ts";
import type { Host, HostState } from "../host.ts";
import { currentWork } from "../work.ts";
import { commit, removing } from "./commit.ts";

export interface InstallInput extends Omit<LockEntry, "version" | "digest"> {
  dir: string;
  digest: string;
  consent: string;
}

interface Inspected {
  candidate: Candidate;
  record: CatalogRecord;
}

/** At most so many packages are tried at once, each in a process of its own. */
const TRIALS = 4;

/** Check unpacked packages as one set and say what each asks for. Nothing is changed and none of their code runs. */
export async function inspectPackages(host: Host, dirs: readonly string[]): Promise<Inspected[]> {
  const records = await Promise.all(dirs.map((dir) => admitPackage(host, dir)));
  const twice = records.find(({ manifest }, at) => records.findIndex((one) => one.manifest.id === manifest.id) !== at);
  if (twice !== undefined) throw errors.conflict(twice.manifest.id, `the id ${twice.manifest.id}`, ["two packages of this set"]);
  const plan = checkPlan(host, records);
  for (const { manifest } of records) await checkForeignDescriptors(host, manifest, plan);
  const existing = (id: string): CatalogRecord | undefined => host.state.records.find((one) => one.manifest.id === id);
  return records.map((record) => {
    const { id } = record.manifest;
    return { candidate: candidateOf(record, existing(id), host.grants.get(id), host.home), record };
  });
}

async function admitPackage(host: Host, dir: string): Promise<CatalogRecord> {
  const record = await readPackage(dir, host.product);
  const { manifest } = record;
  const isBundled = host.state.records.some((one) => one.bundled && one.manifest.id === manifest.id);
  if (isBundled) throw errors.conflict(manifest.id, `the id ${manifest.id}`, ["the product", "this package"]);
  const imitates = record.own ? null : imitation(manifest, host.state.records);
  if (imitates !== null) throw imitates;
  assertFoldersGrantable(manifest, host.home);
  return record;
}

/** The whole set must resolve with them: neither they nor anything that runs now may be left out because of them. */
function checkPlan(host: Host, fresh: readonly CatalogRecord[]): Plan {
  const ids = fresh.map(({ manifest }) => manifest.id);
  const records = [...host.state.records.filter((one) => !ids.includes(one.manifest.id)), ...fresh];
  const { config, lock } = host.state;
  // The version pins are about to be replaced by this install: they do not refuse it.
  const settings = ids.map((id) => [id, { ...settingsOf(config.value, id), version: undefined, enabled: true }]);
  const before = host.current.plan;
  const plan = resolve({
    records,
    config: { ...config.value, extensions: { ...config.value.extensions, ...Object.fromEntries(settings) } },
    lock,
    hostVersion: host.product.version,
    slots: host.product.slots,
    exclude: () => null,
  });
  for (const id of ids) if (plan.blocked.has(id)) throw plan.blocked.get(id);
  for (const [other, problem] of plan.blocked) if (before.extensions.has(other)) throw problem;
  const known = new Set(before.problems.map((one) => one.message));
  const problem = plan.problems.find((one) => !known.has(one.message));
  if (problem !== undefined) throw problem;
  return plan;
}

/** What it states as a provider of contracts that extensions define, its own included. */
async function checkForeignDescriptors(host: Host, manifest: Manifest, plan: Plan): Promise<void> {
  for (const { contract, version, id, descriptor } of manifest.provides ?? []) {
    const shape = shapeOfVersion(plan.contracts, contract, version);
    if (shape?.checked) continue;
    const [problem] = await host.guard.validate(shape?.descriptor ?? true, descriptor ?? null);
    if (problem !== undefined) throw manifestInvalid(manifest.id, `/provides/${contract}/${id}/descriptor${problem.path}`, problem.message);
  }
}

/** Verify again, dry-load in processes of their own, commit, swap, check health; anything that fails leaves all as it was. */
export async function installPackages(
  host: Host,
  inputs: readonly InstallInput[],
): Promise<{ installed: { id: string; version: string }[]; generation: number }> {
  const found = await inspectPackages(
    host,
    inputs.map(({ dir }) => dir),
  );
  const ids = found.map(({ candidate }) => candidate.id);
  await finishRemovals(removing(host), ids);
  const eachNew = async (then: typeof takeBack): Promise<void> => {
    for (const [at, id] of ids.entries()) if (host.state.lock.extensions[id] === undefined) await then(host, id, partyOf(inputs[at]!));
  };
  await eachNew(takeBack);
  // A trial may store something: until it is installed, that is to go.
  const absent = await removeUnlessInstalled(removing(host), ids);
  const state = without(host.state, ids);
  const grants = new Map<string, Grant>();
  try {
    for (const [at, { dir: from, digest: expected, consent: consented, ...provenance }] of inputs.entries()) {
      const { candidate, record } = found[at] as Inspected;
      const { id, version, digest, consent } = candidate;
      if (digest !== expected) throw errors.digest(id, "its files changed after they were inspected");
      if (consent.hash !== consented) throw errors.consent(id, "the consent is for another package or other permissions");
      const dir = await storePackage(host.home, id, from, digest);
      state.lock.extensions[id] = { version, digest, ...provenance };
      state.records.push({ ...record, dir });
      const entry = host.state.lock.extensions[id];
      const stays = entry !== undefined && partyOf(entry) === partyOf(inputs[at]!);
      grants.set(id, grantOf(candidate, host.grants.get(id), currentWork()?.principal.via ?? "unknown", stays));
    }
    for (const id of ids) host.supervisor.clear(id);
    const toTry = state.records.filter(({ manifest }) => grants.has(manifest.id) && manifest.entry !== undefined);
    // The product's own code needs no trial behind a wall, where its folder would become another user's.
    const strangers = toTry.filter(({ own }) => !own);
    for (let at = 0; at < strangers.length; at += TRIALS) {
      const tried = await Promise.allSettled(strangers.slice(at, at + TRIALS).map((record) => dryLoad(host, record)));
      for (const one of tried) if (one.status === "rejected") throw one.reason;
    }
    const next = await commit(host, state, grants, async ({ plan, instances }) => {
      for (const id of ids) if (plan.blocked.has(id)) throw plan.blocked.get(id);
      for (const { manifest } of toTry) await instances.get(manifest.id)?.activate();
    });
    for (const { candidate } of found) host.audit({ extension: candidate.id, kind: "grant", what: `consent to ${candidate.version}`, allowed: true });
    host.littered = true;
    return { installed: found.map(({ candidate: { id, version } }) => ({ id, version })), generation: next.number };
  } catch (thrown) {
    for (const id of ids) host.supervisor.clear(id);
    await sweepStore(host.home, host.usedDigests());
    for (const dir of absent) await discard(host.home, dir);
    await finishRemovals(removing(host));
    await eachNew(putAside);
    throw thrown;
  }
}

/** Remove an extension, its grant, its package and (unless kept) its data. Refuses while another one needs it. */
export async function uninstallPackage(host: Host, id: string, keepData: boolean): Promise<{ generation: number }> {
  const entry = host.state.lock.extensions[id];
  if (host.state.records.some((one) => one.manifest.id === id && one.bundled)) throw errors.bundled(id);
  if (entry === undefined) throw errors.notInstalled(id, []);
  const needed = [...host.current.plan.extensions].find(([, one]) => one.record.manifest.extensions?.[id] !== undefined);
  if (needed !== undefined) throw errors.needed(id, needed[0]);
  const instances = [host.current, ...host.draining].flatMap((one) => one.instances.get(id) ?? []);
  const state = without(host.state, [id]);
  if (!keepData) state.removed.push(id);
  const next = await commit(host, state, new Map([[id, undefined]]));
  host.audit({ extension: id, kind: "grant", what: "uninstall", allowed: true });
  host.supervisor.clear(id);
  host.littered = true;
  // What still writes there would go on writing into what the next one of this id finds.
  if (keepData || existsSync(join(host.home, "state", id)))
    await Promise.all(instances.map((one) => one.stop(errors.revoked(id), Promise.resolve())));
  if (keepData) await putAside(host, id, partyOf(entry));
  await finishRemovals(removing(host));
  return { generation: next.number };
}

interface OpenState extends HostState {
  lock: Lockfile;
  records: CatalogRecord[];
  removed: string[];
}

/** A copy of the state in which the extensions do not occur. */
function without(state: HostState, ids: readonly string[]): OpenState {
  const kept = Object.entries(state.lock.extensions).filter(([id]) => !ids.includes(id));
  const lock: Lockfile = { lockfile: 1, extensions: Object.fromEntries(kept) };
  const records = state.records.filter((one) => !ids.includes(one.manifest.id));
  const removed = state.removed.filter((id) => !ids.includes(id));
  return { ...state, lock, records, removed, problems: state.problems.filter((one) => !ids.includes(one.extension ?? "")) };
}

/** Start it once in a process of its own, whatever its tier will be, and end it again: what throws is not installed. */
async function dryLoad(host: Host, record: CatalogRecord): Promise<void> {
  const trial = host.dryInstance(record);
  try {
    await trial.activate();
  } finally {
    await trial.stop(errors.stopping(), Promise.resolve());
  }
}
