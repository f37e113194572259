import { type HookShape, Pipeline, type Tap } from "@plinth/manifests/hooks/pipeline.ts";
import { ADAPTER, adapterBetween } from "@plinth/manifests/plan/adapters.ts";
import { type ContractShape, shapeInRange, shapeOfVersion } from "@plinth/manifests/plan/contracts.ts";
import type { Plan } from "@plinth/manifests/plan/resolver.ts";
import type { CapabilityData } from "@plinth/manifests/wire/bridge.ts";
import { Adapting } from "./adapting.ts";
import type { CapabilityEntry } from "./capability.ts";
import { errors } from "./errors.ts";
import type { Instance } from "./instance.ts";

/** An immutable set: plan, capability table, hook pipelines, instances. Work is stamped with one and keeps it alive. */
export class Generation {
  readonly number: number;
  readonly plan: Plan;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly #table = new Map<string, { byId: Map<string, CapabilityEntry>; list: CapabilityData[]; slot: CapabilityEntry | undefined }>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #several: ReadonlySet<string>;
  readonly #adapted = new Map<string, CapabilityEntry | undefined>();
  #leases = 0;
  #onIdle: (() => void) | null = null;
  /** Its work is over: what still carries its stamp goes on with the current generation. */
  retired = false;

  constructor(number: number, plan: Plan, instances: ReadonlyMap<string, Instance>, own: readonly CapabilityEntry[]) {
    this.number = number;
    this.plan = plan;
    this.instances = instances;
    this.#several = new Set([...plan.contracts.values()].filter(({ id, key }) => id !== key).map(({ id }) => id));
    const entries: CapabilityEntry[] = [...own];
    for (const [contract, byId] of plan.capabilities) {
      for (const [id, { extension, provide }] of byId) {
        const by = instances.get(extension);
        const shape = shapeOfVersion(plan.contracts, contract, provide.version);
        if (by === undefined || shape === undefined) continue;
        const data = Object.freeze({ id, extension, version: provide.version, descriptor: provide.descriptor, trusted: by.trusted });
        entries.push({ contract: shape, id, data, by });
      }
    }
    for (const entry of entries) {
      const row = this.#table.get(entry.contract.id) ?? { byId: new Map<string, CapabilityEntry>(), list: [], slot: undefined };
      row.byId.set(entry.id, entry);
      row.list.push(entry.data);
      if (entry.contract.cardinality === "one") {
        const chosen = plan.slots.get(entry.contract.id);
        if (chosen === undefined ? entry.by.tier === undefined : chosen === entry.id) row.slot = entry;
      }
      this.#table.set(entry.contract.id, row);
    }
    for (const { list } of this.#table.values()) list.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const hook of plan.hooks.values()) {
      const taps: Tap[] = hook.subscribers.flatMap(({ extension, stage, deadlineMs, closed }) => {
        const instance = instances.get(extension);
        if (instance === undefined) return [];
        return [
          {
            extension,
            trusted: instance.trusted,
            stage,
            deadlineMs,
            closed,
            breaker: instance.breaker,
            counts: { calls: 0, errors: 0 },
            run: (payload: unknown, call) => instance.hook(hook.name, payload, call),
            ready: () => instance.activate(),
            failed: (error) => {
              instance.counts.errors++;
              instance.failed(error, hook.name);
            },
          } satisfies Tap,
        ];
      });
      this.#pipelines.set(hook.name, new Pipeline(hook as HookShape, taps));
    }
  }

  /** Those that whoever speaks this shape can call; by default the contract's newest major. */
  list(contract: string, spoken = this.plan.contracts.get(contract)): readonly CapabilityData[] {
    const row = this.#table.get(contract);
    if (row === undefined || !this.#served(contract)) return row?.list ?? [];
    return row.list.filter(({ id }) => this.#as(row.byId.get(id) as CapabilityEntry, spoken) !== undefined);
  }

  /** `null` asks for the slot's provider. One of another major comes with the owner's adapter before it. */
  find(contract: string, id: string | null, spoken = this.plan.contracts.get(contract)): CapabilityEntry {
    const row = this.#table.get(contract);
    const found = id === null ? row?.slot : row?.byId.get(id);
    const entry = found === undefined ? undefined : this.#as(found, spoken);
    if (entry === undefined)
      throw errors.capabilityMissing(
        contract,
        id,
        this.list(contract, spoken).map((one) => one.id),
      );
    return entry;
  }

  /** The shape that an extension speaks, where a contract is served in more than one major. */
  spoken(contract: string, uses: readonly { contract: string; range: string }[] | undefined): ContractShape | undefined {
    const use = this.#served(contract) ? uses?.find((one) => one.contract === contract) : undefined;
    return use === undefined ? this.plan.contracts.get(contract) : shapeInRange(this.plan.contracts, contract, use.range);
  }

  /** In more than one major. */
  #served(contract: string): boolean {
    return this.#several.has(contract);
  }

  #as(entry: CapabilityEntry, spoken: ContractShape | undefined): CapabilityEntry | undefined {
    if (spoken === undefined || entry.contract === spoken || !this.#served(spoken.id)) return entry;
    const key = `${spoken.key} ${entry.id}`;
    if (!this.#adapted.has(key)) this.#adapted.set(key, this.#adapt(entry, spoken));
    return this.#adapted.get(key);
  }

  #adapt(entry: CapabilityEntry, spoken: ContractShape): CapabilityEntry | undefined {
    const found = adapterBetween(this.plan.adapters, spoken, entry.contract);
    const adapter = found && this.#table.get(ADAPTER)?.byId.get(found.adapter.id);
    if (adapter === undefined || adapter.by.id !== found?.adapter.extension) return undefined;
    // Whatever asks the policy in one of them asks it in the other, whatever its methods are called there.
    const guarded = Object.values(entry.contract.methods).some((one) => one.guarded === true);
    const methods = Object.entries(spoken.methods).map(([name, one]) => [name, { ...one, guarded: guarded || one.guarded === true }]);
    return { ...entry, contract: { ...spoken, methods: Object.fromEntries(methods) }, by: new Adapting(entry, adapter, found.caller) };
  }

  pipeline(hook: string): Pipeline | undefined {
    return this.#pipelines.get(hook);
  }

  get pipelines(): Iterable<Pipeline> {
    return this.#pipelines.values();
  }

  get leases(): number {
    return this.#leases;
  }

  /** Keep it alive; call the result once when done. */
  lease(): () => void {
    this.#leases++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#leases === 0) this.#onIdle?.();
    };
  }

  /** Resolves when no work holds a lease. */
  idle(): Promise<void> {
    if (this.#leases === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
