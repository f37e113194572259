import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Candidate, Grant, LockEntry, Lockfile, Manifest } from "@plinth/manifests";
import { manifestInvalid, parseManifest } from "@plinth/manifests/check/manifest.ts";
import { consentHash, treeDigest } from "@plinth/manifests/digest.ts";
import { discard } from "@plinth/manifests/home/trash.ts";
import { describePowers } from "@plinth/manifests/powers.ts";
import { settingsOf } from "../config.ts";
import { errors } from "../errors.ts";
import type { Generation } from "../generation.ts";
import type { Host, HostState } from "../host.ts";
import { type CatalogRecord, packageDir, writeIndex, writeLock } from "../plan/catalog.ts";
import { type Plan, resolve } from "../plan/resolver.ts";
import { currentWork } from "../work.ts";

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
  const records = await Promise.all(dirs.map((dir) => readPackage(host, dir)));
  const twice = records.find(({ manifest }, at) => records.findIndex((one) => one.manifest.id === manifest.id) !== at);
  if (twice !== undefined) throw errors.conflict(twice.manifest.id, `the id ${twice.manifest.id}`, ["two packages of this set"]);
  const plan = checkPlan(host, records);
  for (const { manifest } of records) await checkForeignDescriptors(host, manifest, plan);
  return records.map((record) => ({ candidate: candidateOf(host, record), record }));
}

async function readPackage(host: Host, dir: string): Promise<CatalogRecord> {
  const text = await readFile(join(dir, "plinth.json"), "utf8").catch(() => {
    throw manifestInvalid("the package", "", "it has no plinth.json");
  });
  const manifest = parseManifest(text, "the package");
  if (manifest.entry !== undefined) {
    const found = await stat(join(dir, manifest.entry)).catch(() => null);
    if (!found?.isFile()) throw manifestInvalid(manifest.id, "/entry", `${manifest.entry} is not in the package`);
  }
  const { digest } = await treeDigest(manifest.id, dir);
  const isBundled = host.state.records.some((one) => one.bundled && one.manifest.id === manifest.id);
  if (isBundled) throw errors.conflict(manifest.id, `the id ${manifest.id}`, ["the product", "this package"]);
  if (manifest.id.startsWith("plinth.")) throw errors.reserved(manifest.id);
  return { manifest, digest, dir, bundled: false };
}

function candidateOf(host: Host, { manifest, digest }: CatalogRecord): Candidate {
  const { id, version } = manifest;
  const existing = host.state.records.find((one) => one.manifest.id === id);
  const asks = describePowers(manifest);
  const before = host.grants.get(id)?.asks;
  return {
    id,
    version,
    digest,
    manifest,
    consent: {
      hash: consentHash(manifest, digest),
      granted: existing !== undefined && host.grants.covers(manifest, digest),
      asks,
      widens: before === undefined ? [] : asks.filter((one) => !before.includes(one)),
    },
    ...(existing === undefined ? {} : { replaces: existing.manifest.version }),
  };
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
  const own = new Map((manifest.defines ?? []).map((one) => [one.id, one.descriptor]));
  for (const { contract, id, descriptor } of manifest.provides ?? []) {
    const shape = plan.contracts.get(contract);
    if (shape?.checked) continue;
    const [problem] = await host.guard.validate(own.get(contract) ?? shape?.descriptor ?? true, descriptor ?? null);
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
  const state = without(host.state, ids);
  const grants = new Map<string, Grant>();
  const fresh: string[] = [];
  const before = host.state.lock.extensions;
  try {
    for (const [at, { dir: from, digest: expected, consent: consented, ...provenance }] of inputs.entries()) {
      const { candidate, record } = found[at] as Inspected;
      const { id, version, digest, consent } = candidate;
      if (digest !== expected) throw errors.digest(id, "its files changed after they were inspected");
      if (consent.hash !== consented) throw errors.consent(id, "the consent is for another package or other permissions");
      const dir = packageDir(host.home, digest);
      const data = join(host.home, "state", id);
      host.leftovers.delete(dir);
      if (!(await stat(data).catch(() => null))) fresh.push(data);
      if (!(await stat(dir).catch(() => null))) {
        fresh.push(dir);
        await copyVerified(id, from, dir, digest);
      }
      state.lock.extensions[id] = { version, digest, ...provenance };
      state.records.push({ ...record, dir });
      grants.set(id, grantOf(host, candidate));
    }
    for (const id of ids) host.supervisor.clear(id);
    const toTry = state.records.filter(({ manifest }) => grants.has(manifest.id) && manifest.entry !== undefined);
    for (let at = 0; at < toTry.length; at += TRIALS) {
      const tried = await Promise.allSettled(toTry.slice(at, at + TRIALS).map((record) => dryLoad(host, record)));
      for (const one of tried) if (one.status === "rejected") throw one.reason;
    }
    const next = await commit(host, state, grants, async ({ plan, instances }) => {
      for (const id of ids) if (plan.blocked.has(id)) throw plan.blocked.get(id);
      for (const { manifest } of toTry) await instances.get(manifest.id)?.activate();
    });
    for (const { id, digest, version } of found.map(({ candidate }) => candidate)) {
      host.audit({ extension: id, kind: "grant", what: `consent to ${version}`, allowed: true });
      const replaced = before[id]?.digest;
      if (replaced !== undefined && replaced !== digest) host.leftovers.add(packageDir(host.home, replaced));
    }
    return { installed: found.map(({ candidate: { id, version } }) => ({ id, version })), generation: next.number };
  } catch (thrown) {
    for (const id of ids) host.supervisor.clear(id);
    for (const dir of fresh) await discard(host.home, dir);
    throw thrown;
  }
}

function grantOf(host: Host, { id, version, digest, manifest, consent }: Candidate): Grant {
  const { scope, expiresAt = 0 } = host.grants.get(id) ?? {};
  return {
    consent: consent.hash,
    digest,
    version,
    at: Date.now(),
    by: currentWork()?.principal.via ?? "unknown",
    permissions: (manifest as Manifest).permissions ?? {},
    asks: consent.asks,
    // An update is no way out of what an owner narrowed; an end that has passed is what this consent is about.
    ...(scope === undefined ? {} : { scope }),
    ...(expiresAt > Date.now() ? { expiresAt } : {}),
  };
}

/** Remove an extension, its grant, its package and (unless kept) its data. Refuses while another one needs it. */
export async function uninstallPackage(host: Host, id: string, keepData: boolean): Promise<{ generation: number }> {
  const entry = host.state.lock.extensions[id];
  if (host.state.records.some((one) => one.manifest.id === id && one.bundled)) throw errors.bundled(id);
  if (entry === undefined) throw errors.notInstalled(id, []);
  const needed = [...host.current.plan.extensions].find(([, one]) => one.record.manifest.extensions?.[id] !== undefined);
  if (needed !== undefined) throw errors.needed(id, needed[0]);
  const instances = [host.current, ...host.draining].flatMap((one) => one.instances.get(id) ?? []);
  const next = await commit(host, without(host.state, [id]), new Map([[id, undefined]]));
  host.audit({ extension: id, kind: "grant", what: "uninstall", allowed: true });
  host.supervisor.clear(id);
  host.leftovers.add(packageDir(host.home, entry.digest));
  if (!keepData) {
    await host.stores.wipe(id);
    const data = join(host.home, "state", id);
    // What still writes there would go on writing into what the next one of this id finds.
    if (existsSync(data)) await Promise.all(instances.map((one) => one.stop(errors.revoked(id), Promise.resolve())));
    await discard(host.home, data);
  }
  return { generation: next.number };
}

interface OpenState extends HostState {
  lock: Lockfile;
  records: CatalogRecord[];
}

/** A copy of the state in which the extensions do not occur. */
function without(state: HostState, ids: readonly string[]): OpenState {
  const kept = Object.entries(state.lock.extensions).filter(([id]) => !ids.includes(id));
  const lock: Lockfile = { lockfile: 1, extensions: Object.fromEntries(kept) };
  const records = state.records.filter((one) => !ids.includes(one.manifest.id));
  return { ...state, lock, records, problems: state.problems.filter((one) => !ids.includes(one.extension ?? "")) };
}

/** Grants, index and lock are written, then the generation is swapped; what fails puts the old ones back. */
async function commit(
  host: Host,
  state: HostState,
  grants: ReadonlyMap<string, Grant | undefined>,
  healthy?: (next: Generation) => Promise<void>,
): Promise<Generation> {
  const before = host.state;
  const granted = new Map([...grants.keys()].map((id) => [id, host.grants.get(id)]));
  const write = async (to: HostState, allowed: ReadonlyMap<string, Grant | undefined>): Promise<void> => {
    for (const [id, grant] of allowed) await host.grants.set(id, grant);
    await writeIndex(host.home, to.records);
    await writeLock(host.home, to.lock);
  };
  try {
    await write(state, grants);
    return await host.advance(state, healthy);
  } catch (thrown) {
    await write(before, granted);
    throw thrown;
  }
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

async function copyVerified(id: string, from: string, target: string, digest: string): Promise<void> {
  const temporary = `${target}.${process.pid}.tmp`;
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await rm(temporary, { recursive: true, force: true });
  try {
    await cp(from, temporary, { recursive: true, errorOnExist: true, verbatimSymlinks: true });
    if ((await treeDigest(id, temporary)).digest !== digest) throw errors.digest(id, "its files changed while they were copied");
    await rename(temporary, target);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true });
    throw thrown;
  }
}
