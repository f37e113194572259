import semver from "semver";
import { errors } from "../errors.ts";
import { settingsOf } from "../home/config-file.ts";
import type { CatalogRecord } from "../home/installed.ts";
import { findCycle } from "../hooks/order.ts";
import { nearNames } from "../near-names.ts";
import type { Config } from "../schema/config.ts";
import type { Manifest, Tier } from "../schema/extension.ts";
import type { Lockfile } from "../schema/lockfile.ts";
import type { PlinthError } from "../wire/error.ts";
import { ADAPTER, type Adapter, noteOlder, notItsOwner, planAdapters } from "./adapters.ts";
import { type ContractShape, majorOf, majorsOf, productContracts, shapeInRange, shapeOfVersion } from "./contracts.ts";
import { type PlannedHook, planHooks } from "./hooks.ts";
import { isReserved } from "./imitation.ts";
import { isOurs } from "./ours.ts";
import { chooseProviders, type Offer } from "./providers.ts";

export interface PlannedExtension {
  readonly record: CatalogRecord;
  readonly tier: Tier;
  readonly settings: ReturnType<typeof settingsOf>;
  readonly reasons: readonly string[];
}

export interface Plan {
  readonly extensions: ReadonlyMap<string, PlannedExtension>;
  /** By key: the newest major of each under its id, older ones that are still served beside it. */
  readonly contracts: ReadonlyMap<string, ContractShape>;
  readonly adapters: readonly Adapter[];
  /** Providers by contract and id, already chosen. */
  readonly capabilities: ReadonlyMap<string, ReadonlyMap<string, Offer>>;
  readonly slots: ReadonlyMap<string, string>;
  readonly hooks: ReadonlyMap<string, PlannedHook>;
  readonly disabled: ReadonlySet<string>;
  /** Extensions that are left out, with the reason. */
  readonly blocked: ReadonlyMap<string, PlinthError>;
  readonly problems: readonly PlinthError[];
  readonly reasons: ReadonlyMap<string, readonly string[]>;
}

export interface ResolveInput {
  readonly records: readonly CatalogRecord[];
  readonly config: Config;
  readonly lock: Lockfile;
  readonly hostVersion: string;
  /** The product's choices for slots; the operator's config wins. */
  readonly slots: Readonly<Record<string, string>>;
  /** Why an extension must stay out (quarantine, consent), decided by the caller. */
  readonly exclude: (record: CatalogRecord) => PlinthError | null;
}

const KERNEL_CONTRACTS = new Set(["plinth.kernel", "plinth.host-admin"]);

/** A pure function: the same input gives the same plan, whatever the order of its records. */
export function resolve(input: ResolveInput): Plan {
  const reasons = new Map<string, string[]>();
  const note = (id: string, reason: string): void => void (reasons.get(id)?.push(reason) ?? reasons.set(id, [reason]));
  const blocked = new Map<string, PlinthError>();
  const disabled = new Set<string>();
  const candidates = new Map<string, CatalogRecord>();
  for (const record of [...input.records].sort((a, b) => (a.manifest.id < b.manifest.id ? -1 : 1))) {
    const { id } = record.manifest;
    const problem = input.exclude(record) ?? fits(input, record);
    if (settingsOf(input.config, id).enabled === false) {
      disabled.add(id);
      note(id, `disabled: extensions["${id}"].enabled is false`);
    } else if (problem !== null) blocked.set(id, problem);
    else candidates.set(id, record);
    note(id, record.bundled ? `${record.manifest.version}: part of the product` : lockReason(input.lock, id));
  }
  const contracts = defineContracts(candidates, blocked);
  // Leaving one out can leave others without what they need: repeat until nothing changes.
  for (let changed = true; changed; ) {
    changed = false;
    for (const [id, record] of candidates) {
      const tier = chooseTier(record, settingsOf(input.config, id).tier) as Tier;
      const problem = unmet(record, tier, candidates, contracts, input.records);
      if (problem === null) continue;
      withdraw(contracts, record.manifest);
      candidates.delete(id);
      blocked.set(id, problem);
      changed = true;
    }
    const path = findCycle([...candidates.keys()], (id) =>
      Object.keys(candidates.get(id)?.manifest.extensions ?? {}).filter((other) => candidates.has(other)),
    );
    for (const id of new Set(path)) {
      blocked.set(id, errors.cycle(id, path));
      withdraw(contracts, candidates.get(id)?.manifest);
      candidates.delete(id);
      changed = true;
    }
  }
  const { capabilities, slots, problems } = chooseProviders({ wanted: input.config.slots ?? {}, defaults: input.slots }, candidates, contracts, note);
  const hooks = planHooks(candidates, contracts, problems);
  const adapters = planAdapters(candidates, note);
  noteOlder(
    candidates,
    adapters,
    (contract, wanted) => spoken(contracts, contract, wanted),
    (contract) => contracts.get(contract),
    note,
  );
  const extensions = new Map<string, PlannedExtension>();
  for (const [id, record] of candidates) {
    const settings = settingsOf(input.config, id);
    const tier = chooseTier(record, settings.tier) as Tier;
    note(
      id,
      `tier ${tier}: ${settings.tier ? "chosen in the configuration" : isOurs(record) ? "first-party" : "the strongest wall it supports here"}`,
    );
    for (const [other, range] of Object.entries(record.manifest.extensions ?? {})) note(other, `needed by ${id} (${range})`);
    extensions.set(id, { record, tier, settings, reasons: reasons.get(id) ?? [] });
  }
  for (const [id, problem] of blocked) note(id, `left out: ${problem.code}: ${problem.message}`);
  return { extensions, contracts, adapters, capabilities, slots, hooks, disabled, blocked, problems, reasons };
}

export const emptyPlan: Plan = {
  extensions: new Map(),
  contracts: new Map(),
  adapters: [],
  capabilities: new Map(),
  slots: new Map(),
  hooks: new Map(),
  disabled: new Set(),
  blocked: new Map(),
  problems: [],
  reasons: new Map(),
};

const lockReason = (lock: Lockfile, id: string): string => {
  const entry = lock.extensions[id];
  return entry === undefined ? "not in the lock" : `${entry.version} from ${entry.source}, pinned by ${entry.pinnedBy}: ${entry.reason}`;
};

function fits({ config, hostVersion }: ResolveInput, record: CatalogRecord): PlinthError | null {
  const { id, version, engines } = record.manifest;
  if (isReserved(id) && !isOurs(record)) return errors.otherProduct(id, version);
  if (!semver.satisfies(hostVersion, engines.plinth, { includePrerelease: true })) {
    return errors.versionConflict(id, "plinth", engines.plinth, hostVersion);
  }
  const settings = settingsOf(config, id);
  if (settings.version !== undefined && !semver.satisfies(version, settings.version, { includePrerelease: true })) {
    return errors.pinned(id, settings.version, version);
  }
  if (chooseTier(record, settings.tier) === null) {
    return errors.tier(id, settings.tier ?? "process", record.manifest.tiers ?? ["isolate", "process"]);
  }
  return null;
}

/** First-party code runs in the host unless configured; third-party code only where the operator wrote so. */
export function chooseTier(record: CatalogRecord, wanted: Tier | undefined): Tier | null {
  const supported = record.manifest.tiers ?? ["isolate", "process"];
  // What runs in an isolate runs in a process too: the isolate's API is the smaller one.
  if (wanted !== undefined) return supported.includes(wanted) || (wanted === "process" && supported.includes("isolate")) ? wanted : null;
  if (isOurs(record) && supported.includes("host")) return "host";
  return supported.find((tier) => tier !== "host") ?? null;
}

function defineContracts(candidates: Map<string, CatalogRecord>, blocked: Map<string, PlinthError>): Map<string, ContractShape> {
  const contracts = new Map(productContracts);
  for (const [id, { manifest }] of candidates) {
    const defines = [...(manifest.defines ?? [])].sort((a, b) => majorOf(b.version) - majorOf(a.version));
    const taken = defines.find((one) => contracts.has(one.id));
    if (taken !== undefined) {
      blocked.set(id, errors.conflict(id, `the contract ${taken.id}`, [id, "another extension"]));
      candidates.delete(id);
      continue;
    }
    for (const one of defines) {
      const methods = Object.fromEntries(
        Object.entries(one.methods).map(([name, method]) => [
          name,
          {
            deadlineMs: method.deadlineMs,
            stream: method.stream !== undefined,
            optional: method.optional === true,
            in: method.input,
            out: method.output ?? method.stream,
          },
        ]),
      );
      const { id: contract, version, cardinality, selection, descriptor } = one;
      const key = contracts.has(contract) ? `${contract}@${majorOf(version)}` : contract;
      contracts.set(key, { id: contract, key, version, cardinality, selection, checked: false, descriptor, methods, hooks: one.hooks ?? {} });
    }
  }
  return contracts;
}

const namesOf = (contracts: ReadonlyMap<string, ContractShape>): Set<string> => new Set([...contracts.values()].map((one) => one.id));

/** What an extension that is left out defines is not there. */
function withdraw(contracts: Map<string, ContractShape>, manifest: Manifest | undefined): void {
  for (const { id } of manifest?.defines ?? []) for (const { key } of majorsOf(contracts, id)) contracts.delete(key);
}

const spoken = (
  contracts: ReadonlyMap<string, ContractShape>,
  id: string,
  wanted: { version: string } | { range: string },
): ContractShape | undefined => ("range" in wanted ? shapeInRange(contracts, id, wanted.range) : shapeOfVersion(contracts, id, wanted.version));

function unmet(
  { manifest, ...record }: CatalogRecord,
  tier: Tier,
  candidates: ReadonlyMap<string, CatalogRecord>,
  contracts: ReadonlyMap<string, ContractShape>,
  all: readonly CatalogRecord[],
): PlinthError | null {
  const { id } = manifest;
  const installed = (other: string): string | undefined => all.find((one) => one.manifest.id === other)?.manifest.version;
  for (const [other, range] of Object.entries(manifest.extensions ?? {})) {
    const found = candidates.get(other);
    if (found === undefined) return errors.missing(id, `${other} ${range}${installed(other) ? ` (installed: ${installed(other)})` : ""}`);
    if (!semver.satisfies(found.manifest.version, range)) return errors.versionConflict(id, other, range, found.manifest.version);
  }
  for (const { contract, version, descriptor } of manifest.provides ?? []) {
    const newest = contracts.get(contract);
    if (newest === undefined) return errors.unknownContract(id, contract, nearNames(contract, namesOf(contracts))[0]);
    if (KERNEL_CONTRACTS.has(contract)) return errors.conflict(id, contract, ["the kernel", id]);
    // A provider may be older than the contract's owner (N-1 within a major), never newer.
    const shape = shapeOfVersion(contracts, contract, version);
    if (shape === undefined || semver.gt(version, shape.version)) return errors.versionConflict(id, contract, version, (shape ?? newest).version);
    const wrong = contract === ADAPTER ? notItsOwner(manifest, isOurs(record), descriptor, contracts) : null;
    if (wrong !== null) return errors.undeclared(id, wrong);
  }
  for (const { contract, range, optional } of manifest.uses ?? []) {
    const shape = contracts.get(contract);
    if (shape === undefined) {
      if (optional) continue;
      return errors.unknownContract(id, contract, nearNames(contract, namesOf(contracts))[0]);
    }
    if (shapeInRange(contracts, contract, range) === undefined) return errors.versionConflict(id, contract, range, shape.version);
  }
  if (manifest.hooks === undefined) return null;
  const hooks = new Map([...contracts.values()].flatMap((one) => Object.entries(one.hooks)));
  for (const { on } of manifest.hooks ?? []) {
    const mode = hooks.get(on)?.mode;
    if (mode === undefined) return errors.unknownContract(id, `(hook) ${on}`, nearNames(on, hooks.keys())[0]);
    if (mode.endsWith("-sync") && tier !== "host") return errors.tier(id, `${tier}, as it takes part in ${on}`, ["host"]);
  }
  return null;
}
