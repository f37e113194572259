import { join } from "node:path";
import type { Config, Grant, Lockfile, Manifest } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { coldPart, withDefaults } from "@plinth/manifests/check/config-values.ts";
import { Configs } from "@plinth/manifests/check/configs.ts";
import { SchemaGuard } from "@plinth/manifests/check/guard.ts";
import { sha } from "@plinth/manifests/digest.ts";
import { commitInstalled, stampOf } from "@plinth/manifests/home/commit.ts";
import { type LoadedConfig, settingsOf } from "@plinth/manifests/home/config-file.ts";
import { type CatalogRecord, documentFile, type Installed } from "@plinth/manifests/home/installed.ts";
import { sweepStore } from "@plinth/manifests/home/sweep.ts";
import { Writers } from "@plinth/manifests/home/writers.ts";
import { shapeInRange } from "@plinth/manifests/plan/contracts.ts";
import type { OwnExtensions } from "@plinth/manifests/plan/ours.ts";
import { chooseTier, emptyPlan, type Plan, type PlannedExtension, resolve } from "@plinth/manifests/plan/resolver.ts";
import { stopOrder } from "@plinth/manifests/plan/stop-order.ts";
import { effectivePermissions } from "@plinth/manifests/powers.ts";
import { Secrets } from "@plinth/manifests/secrets.ts";
import type { InstanceInfo } from "@plinth/manifests/wire/bridge.ts";
import type { Runner } from "@plinth/manifests/wire/runner.ts";
import type { DependencyContainer } from "tsyringe";
import { Audit, type Decision } from "./audit.ts";
import { Broker } from "./broker/broker.ts";
import type { CapabilityEntry } from "./capability.ts";
import { createRootContainer } from "./container.ts";
import { errors, PlinthError } from "./errors.ts";
import { Generation } from "./generation.ts";
import { Grants } from "./grants.ts";
import { Instance } from "./instance.ts";
import type { Logs } from "./log.ts";
import type { Report } from "./report.ts";
import { Stores } from "./store.ts";
import { Supervisor } from "./supervisor.ts";
import { currentWork, runWork } from "./work.ts";

/** Data of the distribution: what to run, who fills which slot by default. */
export interface Product extends OwnExtensions {
  readonly version: string;
  readonly main: { contract: string; method: string };
  readonly slots: Readonly<Record<string, string>>;
}

export interface HostState extends Omit<Installed, "grants"> {
  readonly config: LoadedConfig;
}

/** Before a change: take over what other processes changed; `unsettled` = one of them left something unfinished. */
export type CatchUp = (host: Host, unsettled: boolean) => Promise<void>;

const DRAIN_MS = 60_000;

/** The running host: the current generation, the ones that drain, and the services they stand on. */
export class Host {
  readonly home: string;
  readonly product: Product;
  readonly logs: Logs;
  readonly report: Report;
  readonly stores: Stores;
  readonly secrets: Secrets;
  readonly guard = new SchemaGuard();
  readonly grants = new Grants();
  readonly writers: Writers;
  readonly supervisor: Supervisor;
  readonly #audit: Audit;
  readonly #catchUp: CatchUp;
  readonly #configs = new Configs(this.guard);
  readonly container: DependencyContainer = createRootContainer();
  readonly draining = new Set<Generation>();
  readonly own: CapabilityEntry[] = [];
  /** Packages were replaced or removed: what only draining generations may still start goes with them. */
  littered = false;
  /** Of the commit that this host has read or made. */
  stamp = "";
  /** Ends what a long-running host does to see what others change. */
  leave: () => Promise<void> = async () => {};
  readonly #env: Readonly<Record<string, string | undefined>>;
  state: HostState;
  current: Generation;
  safeMode = false;
  stopping = false;
  #changes: Promise<unknown> = Promise.resolve();
  #ended: Promise<void> | null = null;

  constructor(input: {
    home: string;
    product: Product;
    logs: Logs;
    report: Report;
    env: Readonly<Record<string, string | undefined>>;
    state: HostState;
    catchUp: CatchUp;
  }) {
    this.home = input.home;
    this.product = input.product;
    this.logs = input.logs;
    this.report = input.report;
    this.state = input.state;
    this.#env = input.env;
    this.#catchUp = input.catchUp;
    this.stores = new Stores((method, values) => this.#slot("plinth.kv-store", method, values));
    this.secrets = new Secrets((name, use) => this.#slot("plinth.secret-source", "resolve", { name, use }) as Promise<string | null>);
    this.writers = new Writers(input.home);
    this.supervisor = new Supervisor(input.home);
    this.#audit = new Audit(
      () => (this.current.plan.slots.has("plinth.audit") ? (this.state.config.value.policy?.audit ?? "denied") : "off"),
      // Kept outside every work: the keeper's own requests belong to nobody's.
      (records, dropped) => runWork(undefined, () => this.#slot("plinth.audit", "record", { records, dropped })),
    );
    this.current = new Generation(0, emptyPlan, new Map(), []);
  }

  /** The generation that the current work is stamped with, while it lives; else the current one. */
  generation(): Generation {
    const pin = currentWork()?.pin;
    return pin instanceof Generation && !pin.retired ? pin : this.current;
  }

  /** Whether a decision of this kind is recorded at all; ask before making its record. */
  audits(allowed: boolean): boolean {
    return this.#audit.wants(allowed);
  }

  audit(decision: Decision): void {
    this.#audit.note(decision);
  }

  /** One change at a time, of all processes of this home, to what is there by then; a failed one does not stop the next. */
  exclusive<T>(change: () => Promise<T>, waitMs?: number): Promise<T> {
    const result = this.#changes.then(() => {
      if (this.stopping) throw errors.stopping();
      return this.writers.run(async (unsettled) => {
        await this.#catchUp(this, unsettled);
        return await change();
      }, waitMs);
    });
    this.#changes = result.catch(() => {});
    return result;
  }

  /** A pure preview: what would the plan be with this state? */
  async plan(state: HostState): Promise<Plan> {
    const misconfigured = await this.#configs.check(state.records, state.config.file, (id) => settingsOf(state.config.value, id).config);
    return resolve({
      records: state.records,
      config: state.config.value,
      lock: state.lock,
      hostVersion: this.product.version,
      slots: this.product.slots,
      exclude: ({ manifest, digest, bundled }) => {
        if (!bundled && this.safeMode)
          return new PlinthError("PLINTH_SAFE_MODE", `${manifest.id} is not started in safe mode.`, {
            extension: manifest.id,
            next: "Start without --safe-mode.",
          });
        if (!bundled && !this.grants.covers(manifest, digest))
          return errors.consent(manifest.id, "nobody consented to exactly this version and its permissions");
        return misconfigured.get(manifest.id) ?? null;
      },
    });
  }

  /**
   * Build generation N+1 beside N from a new state and swap. Instances whose digest, tier, configuration and grants are
   * the same are carried over. `healthy` may refuse the new generation; then N stays current and nothing has changed.
   */
  async advance(state: HostState, healthy?: (next: Generation) => Promise<void>): Promise<Generation> {
    const plan = await this.plan(state);
    const instances = new Map<string, Instance>();
    const fresh: Instance[] = [];
    for (const [id, planned] of plan.extensions) {
      const trust = trustOf(planned.record, state.lock);
      const key = this.#key(planned, trust, state.config.value);
      const held = this.current.instances.get(id);
      const instance = held?.key === key ? held : this.#instance(key, planned, plan, trust, state.config.value);
      if (instance !== held) fresh.push(instance);
      else instance.configure(withDefaults(planned.record.manifest.config, planned.settings.config));
      instances.set(id, instance);
    }
    const next = new Generation(this.current.number + 1, plan, instances, this.own);
    try {
      await healthy?.(next);
    } catch (thrown) {
      await Promise.all(fresh.map((one) => one.stop(errors.stopping(), Promise.resolve())));
      throw thrown;
    }
    const previous = this.current;
    for (const instance of instances.values()) instance.holders++;
    this.state = state;
    this.current = next;
    if (previous.number > 0) {
      void this.#retire(previous);
      void this.#announce(previous, next);
    }
    return next;
  }

  /** Put down what is installed and allowed. Only within `exclusive`. */
  async persist(state: HostState, grants: ReadonlyMap<string, Grant>): Promise<void> {
    await commitInstalled(this.home, { ...state, grants });
    this.stamp = await stampOf(documentFile(this.home));
    this.grants.all = grants;
  }

  /** Stop everything in good order; later calls get the same promise. */
  stop(): Promise<void> {
    this.#ended ??= this.#stop();
    return this.#ended;
  }

  async #stop(): Promise<void> {
    this.stopping = true;
    await this.leave();
    await this.#changes;
    await this.#audit.flush();
    const reason = errors.stopping();
    const grace = new Promise<void>((resolve) => setTimeout(resolve, 2_000).unref());
    const all = new Set([...this.draining, this.current].flatMap((one) => [...one.instances.values()]));
    for (const layer of stopOrder([...all])) await Promise.all(layer.map((one) => one.stop(reason, grace)));
    await this.guard.close();
    if (this.littered) await this.writers.run(() => this.#sweep()).catch(() => {});
    await this.supervisor.flushed();
  }

  /** An instance outside every generation and outside this process: for trying a package before it is installed. */
  dryInstance(record: CatalogRecord): Instance {
    const settings = settingsOf(this.state.config.value, record.manifest.id);
    const planned = chooseTier(record, settings.tier);
    const tier = planned === null || planned === "host" ? "process" : planned;
    const key = `dry:${record.digest}`;
    return this.#instance(key, { record, tier, settings, reasons: [] }, this.current.plan, key, this.state.config.value);
  }

  /** Only first-party code, and what the operator put into the host tier, may change the host. */
  checkAdmin(id: string): void {
    const instance = this.current.instances.get(id);
    if (instance !== undefined && (instance.record.bundled || instance.tier === "host")) return;
    throw errors.permission(id, "administer the host");
  }

  /** Ask the extension that fills one of the kernel's own needs. Values pass through it in clear: host tier only. */
  async #slot(contract: string, method: string, input: unknown, id: string | null = null): Promise<unknown> {
    const entry = this.trusted(contract, id);
    return entry.by.invoke(entry, method, input, {}, null);
  }

  trusted(contract: string, id: string | null = null): CapabilityEntry {
    const entry = this.current.find(contract, id);
    if (entry.by.tier !== "host") throw errors.permission(entry.by.id, `fill ${contract}: only a host-tier extension may`);
    return entry;
  }

  async #retire(generation: Generation): Promise<void> {
    this.draining.add(generation);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.state.config.value.policy?.drainMs ?? DRAIN_MS).unref();
    });
    await Promise.race([generation.idle(), deadline]);
    generation.retired = true;
    const ended = new PlinthError("PLINTH_GENERATION_ENDED", "The extension was replaced or removed while this ran.", {
      next: "Try again.",
    });
    await Promise.all([...generation.instances.values()].map((one) => (--one.holders === 0 ? one.stop(ended, deadline) : undefined)));
    clearTimeout(timer);
    this.draining.delete(generation);
    if (this.draining.size === 0 && this.littered) this.exclusive(() => this.#sweep()).catch(() => {});
  }

  async #sweep(): Promise<void> {
    this.littered = false;
    await sweepStore(this.home, this.usedDigests());
  }

  /** Of packages that are installed, or that a generation may still start. */
  usedDigests(): Set<string> {
    const started = [this.current, ...this.draining].flatMap(({ instances }) => [...instances.values()]);
    return new Set([...this.state.records, ...started.map(({ record }) => record)].map(({ digest }) => digest));
  }

  async #announce(previous: Generation, next: Generation): Promise<void> {
    const added = [...next.instances].filter(([id, one]) => previous.instances.get(id) !== one).map(([id]) => id);
    const removed = [...previous.instances.keys()].filter((id) => !next.instances.has(id));
    const fired = next.pipeline("generation.ready")?.fire("host", { generation: next.number, added, removed }, undefined);
    await fired?.catch(() => {});
  }

  /** Everything that a running instance cannot be told: what differs in it is another instance. */
  #key({ record: { manifest, digest }, tier, settings }: PlannedExtension, trust: string, { policy = {} }: Config): string {
    const config = coldPart(manifest.config, settings.config);
    const { sandbox, validate } = policy;
    return sha("sha256", canonicalJson({ id: manifest.id, digest, tier, config, grants: settings.grants, trust, sandbox, validate }));
  }

  #instance(key: string, { record, tier, settings }: PlannedExtension, plan: Plan, trust: string, { policy }: Config): Instance {
    const { manifest } = record;
    const granted = effectivePermissions(manifest, settings.grants);
    const broker = new Broker(this, manifest, granted);
    const log = this.logs.of(manifest.id);
    const instance = new Instance({
      key,
      record,
      tier,
      info: this.#info(manifest, settings.config, granted, plan),
      trust,
      sandbox: policy?.sandbox ?? "best",
      workspace: join(this.home, "workspace"),
      bridge: broker,
      parent: this.container,
      supervisor: this.supervisor,
      guard: this.guard,
      onRefused: (what, { code, message }) =>
        this.audits(false) && this.audit({ extension: manifest.id, kind: "call", what, allowed: false, code, why: message }),
      onLog: (level, message) => log[level](message),
      makeRunner: async (name, input, of, container) => {
        if (name === "host") return new (await import("./tiers/host.ts")).HostRunner(input, of, container);
        return this.#slot("plinth.tier", "launch", input, name) as Promise<Runner>;
      },
      permits: record.bundled ? null : (work) => this.grants.refuses(manifest.id, work),
      validate: policy?.validate === true,
    });
    broker.instance = instance;
    return instance;
  }

  #info(manifest: Manifest, config: Record<string, unknown> | undefined, granted: Manifest["permissions"], plan: Plan): InstanceInfo {
    const env: Record<string, string> = {};
    for (const name of granted?.env ?? []) {
      const value = this.#env[name];
      if (value !== undefined) env[name] = value;
    }
    const methods: Record<string, Record<string, boolean>> = {};
    for (const { contract, range } of manifest.uses ?? []) {
      const shape = shapeInRange(plan.contracts, contract, range);
      if (shape !== undefined) methods[contract] = Object.fromEntries(Object.entries(shape.methods).map(([name, { stream }]) => [name, stream]));
    }
    return {
      manifest: { ...manifest, permissions: granted },
      config: withDefaults(manifest.config, config),
      env,
      dataDir: (granted?.fs ?? []).some((one) => one === "data" || one === "data:ro") ? join(this.home, "state", manifest.id) : null,
      methods,
    };
  }
}

/** Whoever holds a publisher's key is that publisher; an unsigned package only claims its id, and stays alone. */
function trustOf({ manifest: { id }, bundled, own }: CatalogRecord, { extensions }: Lockfile): string {
  const key = extensions[id]?.signature?.keyId;
  return bundled || own ? `id:${id.split(".")[0]}` : key !== undefined ? `key:${key}` : `id:${id}`;
}
