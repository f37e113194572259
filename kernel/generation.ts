import type { Plan } from "@plinth/manifests/plan/resolver.ts";
import type { CapabilityData } from "@plinth/manifests/wire/bridge.ts";
import { type HookShape, Pipeline, type Tap } from "@plinth/manifests/wire/pipeline.ts";
import type { CapabilityEntry } from "./capability.ts";
import { errors } from "./errors.ts";
import type { Instance } from "./instance.ts";

/** An immutable set: plan, capability table, hook pipelines, instances. Work is stamped with one and keeps it alive. */
export class Generation {
  readonly number: number;
  readonly plan: Plan;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly #table = new Map<string, { byId: Map<string, CapabilityEntry>; list: readonly CapabilityData[]; slot: CapabilityEntry | undefined }>();
  readonly #pipelines = new Map<string, Pipeline>();
  #leases = 0;
  #onIdle: (() => void) | null = null;
  /** Its work is over: what still carries its stamp goes on with the current generation. */
  retired = false;

  constructor(number: number, plan: Plan, instances: ReadonlyMap<string, Instance>, own: readonly CapabilityEntry[]) {
    this.number = number;
    this.plan = plan;
    this.instances = instances;
    const entries: CapabilityEntry[] = [...own];
    for (const [contract, byId] of plan.capabilities) {
      for (const [id, { extension, provide }] of byId) {
        const by = instances.get(extension);
        const shape = plan.contracts.get(contract);
        if (by === undefined || shape === undefined) continue;
        const data = Object.freeze({ id, extension, version: provide.version, descriptor: provide.descriptor, trusted: by.trusted });
        entries.push({ contract: shape, id, data, by });
      }
    }
    for (const entry of entries) {
      const row = this.#table.get(entry.contract.id) ?? { byId: new Map<string, CapabilityEntry>(), list: [], slot: undefined };
      row.byId.set(entry.id, entry);
      row.list = [...row.list, entry.data].sort((a, b) => (a.id < b.id ? -1 : 1));
      if (entry.contract.cardinality === "one") {
        const chosen = plan.slots.get(entry.contract.id);
        if (chosen === undefined ? entry.by.tier === undefined : chosen === entry.id) row.slot = entry;
      }
      this.#table.set(entry.contract.id, row);
    }
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

  list(contract: string): readonly CapabilityData[] {
    return this.#table.get(contract)?.list ?? [];
  }

  /** `null` asks for the slot's provider. */
  find(contract: string, id: string | null): CapabilityEntry {
    const row = this.#table.get(contract);
    const entry = id === null ? row?.slot : row?.byId.get(id);
    if (entry === undefined) throw errors.capabilityMissing(contract, id, [...(row?.byId.keys() ?? [])]);
    return entry;
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
