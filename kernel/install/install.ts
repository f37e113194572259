import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Candidate, LockEntry, Manifest } from "@plinth/manifests";
import { manifestInvalid, parseManifest } from "@plinth/manifests/check/manifest.ts";
import { consentHash, treeDigest } from "@plinth/manifests/digest.ts";
import { describePowers } from "@plinth/manifests/powers.ts";
import { errors, PlinthError } from "../errors.ts";
import type { Grant } from "../grants.ts";
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
  checkPlan(host, record);
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
  const settings = config.value.extensions?.[id];
  // The version pin is about to be replaced by this install: it does not refuse it.
  const value =
    settings === undefined
      ? config.value
      : {
          ...config.value,
          extensions: {
            ...config.value.extensions,
            [id]: typeof settings === "string" ? {} : { ...settings, version: undefined, enabled: true },
          },
        };
  const before = host.current.plan;
  const plan = resolve({
    records,
    config: value as typeof config.value,
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

/** Verify again, dry-load in a process of its own, commit, swap, check health; anything that fails leaves all as it was. */
export async function installPackage(host: Host, input: InstallInput): Promise<{ id: string; version: string; generation: number }> {
  const { candidate } = await inspectPackage(host, input.dir);
  const { id, version, digest } = candidate;
  if (digest !== input.digest) throw errors.digest(id, "its files changed after they were inspected");
  if (candidate.consent.hash !== input.consent) throw errors.consent(id, "the consent is for another package or other permissions");
  const manifest = candidate.manifest as Manifest;
  const target = packageDir(host.home, digest);
  const fresh = !(await exists(target));
  if (fresh) await copyVerified(id, input.dir, target, digest);
  const record: CatalogRecord = { manifest, digest, dir: target, bundled: false };
  const before: HostState = host.state;
  const granted = host.grants.get(id);
  const grant: Grant = {
    consent: input.consent,
    digest,
    version,
    at: Date.now(),
    by: currentWork()?.principal.via ?? "unknown",
    permissions: manifest.permissions ?? {},
    asks: candidate.consent.asks,
  };
  const { dir: _dir, consent: _consent, digest: _digest, ...provenance } = input;
  const entry: LockEntry = { version, digest, ...provenance };
  const state: HostState = {
    ...before,
    lock: { lockfile: 1, extensions: { ...before.lock.extensions, [id]: entry } },
    records: [...before.records.filter((one) => one.manifest.id !== id), record],
    problems: before.problems.filter((one) => one.extension !== id),
  };
  try {
    host.supervisor.clear(id);
    await dryLoad(host, record);
    await host.grants.set(id, grant);
    await writeIndex(host.home, state.records);
    await writeLock(host.home, state.lock);
    const next = await host.advance(state, async (generation) => {
      const blocked = generation.plan.blocked.get(id);
      if (blocked !== undefined) throw blocked;
      if (manifest.entry !== undefined) await generation.instances.get(id)?.activate();
    });
    await removeReplaced(host, before, digest, id);
    return { id, version, generation: next.number };
  } catch (thrown) {
    host.supervisor.clear(id);
    await host.grants.set(id, granted);
    await writeLock(host.home, before.lock);
    await writeIndex(host.home, before.records);
    if (fresh) await rm(target, { recursive: true, force: true });
    throw thrown;
  }
}

/** Remove an extension, its grant, its package and (unless kept) its data. Refuses while another one needs it. */
export async function uninstallPackage(host: Host, id: string, keepData: boolean): Promise<{ generation: number }> {
  const record = host.state.records.find((one) => one.manifest.id === id);
  if (record?.bundled) throw errors.bundled(id);
  if (record === undefined && host.state.lock.extensions[id] === undefined) throw errors.notInstalled(id, []);
  const needed = [...host.current.plan.extensions.values()].find((one) => one.record.manifest.extensions?.[id] !== undefined);
  if (needed !== undefined) {
    throw new PlinthError("PLINTH_NEEDED", `${needed.record.manifest.id} needs ${id}.`, {
      extension: id,
      next: `Uninstall ${needed.record.manifest.id} first.`,
    });
  }
  const { [id]: entry, ...rest } = host.state.lock.extensions;
  const state: HostState = {
    ...host.state,
    lock: { lockfile: 1, extensions: rest },
    records: host.state.records.filter((one) => one.manifest.id !== id),
    problems: host.state.problems.filter((one) => one.extension !== id),
  };
  const next = await host.advance(state);
  await writeLock(host.home, state.lock);
  await writeIndex(host.home, state.records);
  await host.grants.set(id, undefined);
  host.supervisor.clear(id);
  if (entry !== undefined) await rm(packageDir(host.home, entry.digest), { recursive: true, force: true });
  if (!keepData) {
    await host.stores.wipe(id);
    await rm(join(host.home, "state", id), { recursive: true, force: true });
  }
  return { generation: next.number };
}

/** Start it once in a process of its own, whatever its tier will be, and end it again: what throws is not installed. */
async function dryLoad(host: Host, record: CatalogRecord): Promise<void> {
  const { manifest } = record;
  if (manifest.entry === undefined) return;
  const planned = host.dryInstance(record);
  try {
    await planned.activate();
  } finally {
    await planned.stop(errors.stopping(), Promise.resolve());
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

/** The package that an update replaced; its instance has its code in memory already. */
async function removeReplaced(host: Host, before: HostState, digest: string, id: string): Promise<void> {
  const old = before.lock.extensions[id];
  if (old !== undefined && old.digest !== digest) await rm(packageDir(host.home, old.digest), { recursive: true, force: true });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
