import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Candidate, Grant, LockEntry, Lockfile, Manifest } from "@plinth/manifests";
import { manifestInvalid, parseManifest } from "@plinth/manifests/check/manifest.ts";
import { consentHash, treeDigest } from "@plinth/manifests/digest.ts";
import { describePowers } from "@plinth/manifests/powers.ts";
import { settingsOf } from "../config.ts";
import { errors } from "../errors.ts";
import type { Generation } from "../generation.ts";
import type { Host, HostState } from "../host.ts";
import { type CatalogRecord, packageDir, writeIndex, writeLock } from "../plan/catalog.ts";
import { resolve } from "../plan/resolver.ts";
import { currentWork } from "../work.ts";

export interface InstallInput {
  dir: string;
  digest: string;
  consent: string;
  source: string;
  integrity?: string;
  signature?: { keyId: string; signature: string };
  pinnedBy: LockEntry["pinnedBy"];
  reason: string;
}

/** Check an unpacked package and say what it asks for. Nothing is changed and none of its code runs. */
export async function inspectPackage(host: Host, dir: string): Promise<{ candidate: Candidate; record: CatalogRecord }> {
  const text = await readFile(join(dir, "plinth.json"), "utf8").catch(() => {
    throw manifestInvalid("the package", "", "it has no plinth.json");
  });
  const manifest = parseManifest(text, "the package");
  if (manifest.entry !== undefined) {
    const found = await stat(join(dir, manifest.entry)).catch(() => null);
    if (!found?.isFile()) throw manifestInvalid(manifest.id, "/entry", `${manifest.entry} is not in the package`);
  }
  const { digest } = await treeDigest(manifest.id, dir);
  const record: CatalogRecord = { manifest, digest, dir, bundled: false };
  const existing = host.state.records.find((one) => one.manifest.id === manifest.id);
  if (existing?.bundled) throw errors.conflict(manifest.id, `the id ${manifest.id}`, ["the product", "this package"]);
  if (manifest.id.startsWith("plinth.")) throw errors.reserved(manifest.id);
  checkPlan(host, record);
  await checkForeignDescriptors(host, manifest);
  const asks = describePowers(manifest);
  const before = host.grants.get(manifest.id)?.asks;
  const candidate: Candidate = {
    id: manifest.id,
    version: manifest.version,
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
  return { candidate, record };
}

/** The whole set must resolve with it: neither it nor anything that runs now may be left out because of it. */
function checkPlan(host: Host, record: CatalogRecord): void {
  const { id } = record.manifest;
  const records = [...host.state.records.filter((one) => one.manifest.id !== id), record];
  const { config, lock } = host.state;
  // The version pin is about to be replaced by this install: it does not refuse it.
  const settings = { ...settingsOf(config.value, id), version: undefined, enabled: true };
  const before = host.current.plan;
  const plan = resolve({
    records,
    config: { ...config.value, extensions: { ...config.value.extensions, [id]: settings } },
    lock,
    hostVersion: host.product.version,
    slots: host.product.slots,
    exclude: () => null,
  });
  const own = plan.blocked.get(id);
  if (own !== undefined) throw own;
  for (const [other, problem] of plan.blocked) if (before.extensions.has(other)) throw problem;
  const known = new Set(before.problems.map((one) => one.message));
  const fresh = plan.problems.find((one) => !known.has(one.message));
  if (fresh !== undefined) throw fresh;
}

/** What it states as a provider of contracts that extensions define, its own included. */
async function checkForeignDescriptors(host: Host, manifest: Manifest): Promise<void> {
  const own = new Map((manifest.defines ?? []).map((one) => [one.id, one.descriptor]));
  for (const { contract, id, descriptor } of manifest.provides ?? []) {
    const shape = host.current.plan.contracts.get(contract);
    if (shape?.checked) continue;
    const [problem] = await host.guard.validate(own.get(contract) ?? shape?.descriptor ?? true, descriptor ?? null);
    if (problem !== undefined) throw manifestInvalid(manifest.id, `/provides/${contract}/${id}/descriptor${problem.path}`, problem.message);
  }
}

/** Verify again, dry-load in a process of its own, commit, swap, check health; anything that fails leaves all as it was. */
export async function installPackage(host: Host, input: InstallInput): Promise<{ id: string; version: string; generation: number }> {
  const { candidate } = await inspectPackage(host, input.dir);
  const { id, version, digest, consent } = candidate;
  if (digest !== input.digest) throw errors.digest(id, "its files changed after they were inspected");
  if (consent.hash !== input.consent) throw errors.consent(id, "the consent is for another package or other permissions");
  const manifest = candidate.manifest as Manifest;
  const dir = packageDir(host.home, digest);
  const data = join(host.home, "state", id);
  host.leftovers.delete(dir);
  const [fresh, hadData] = [!(await stat(dir).catch(() => null)), await stat(data).catch(() => null)];
  if (fresh) await copyVerified(id, input.dir, dir, digest);
  const record: CatalogRecord = { manifest, digest, dir, bundled: false };
  const { dir: _dir, consent: _consent, digest: _digest, ...provenance } = input;
  const state = without(host.state, id);
  state.lock.extensions[id] = { version, digest, ...provenance };
  state.records.push(record);
  const { scope, expiresAt = 0 } = host.grants.get(id) ?? {};
  const grant: Grant = {
    consent: consent.hash,
    digest,
    version,
    at: Date.now(),
    by: currentWork()?.principal.via ?? "unknown",
    permissions: manifest.permissions ?? {},
    asks: consent.asks,
    // An update is no way out of what an owner narrowed; an end that has passed is what this consent is about.
    ...(scope === undefined ? {} : { scope }),
    ...(expiresAt > Date.now() ? { expiresAt } : {}),
  };
  const replaced = host.state.lock.extensions[id]?.digest;
  try {
    host.supervisor.clear(id);
    if (manifest.entry !== undefined) await dryLoad(host, record);
    const next = await commit(host, id, state, grant, async ({ plan, instances }) => {
      const blocked = plan.blocked.get(id);
      if (blocked !== undefined) throw blocked;
      if (manifest.entry !== undefined) await instances.get(id)?.activate();
    });
    if (replaced !== undefined && replaced !== digest) host.leftovers.add(packageDir(host.home, replaced));
    return { id, version, generation: next.number };
  } catch (thrown) {
    host.supervisor.clear(id);
    if (fresh) await rm(dir, { recursive: true, force: true });
    if (hadData === null) await rm(data, { recursive: true, force: true });
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
  const next = await commit(host, id, without(host.state, id), undefined);
  host.supervisor.clear(id);
  host.leftovers.add(packageDir(host.home, entry.digest));
  if (!keepData) {
    await host.stores.wipe(id);
    await rm(join(host.home, "state", id), { recursive: true, force: true });
  }
  return { generation: next.number };
}

interface OpenState extends HostState {
  lock: Lockfile;
  records: CatalogRecord[];
}

/** A copy of the state in which the extension does not occur. */
function without(state: HostState, id: string): OpenState {
  const { [id]: _gone, ...extensions } = state.lock.extensions;
  const lock: Lockfile = { lockfile: 1, extensions };
  const records = state.records.filter((one) => one.manifest.id !== id);
  return { ...state, lock, records, problems: state.problems.filter((one) => one.extension !== id) };
}

/** Grants, index and lock are written, then the generation is swapped; what fails puts the old ones back. */
async function commit(
  host: Host,
  id: string,
  state: HostState,
  grant: Grant | undefined,
  healthy?: (next: Generation) => Promise<void>,
): Promise<Generation> {
  const before = host.state;
  const granted = host.grants.get(id);
  const write = async (to: HostState, allowed: Grant | undefined): Promise<void> => {
    await host.grants.set(id, allowed);
    await writeIndex(host.home, to.records);
    await writeLock(host.home, to.lock);
  };
  try {
    await write(state, grant);
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
