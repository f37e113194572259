import type { Client, KernelSnapshot } from "@plinth/sdk";
import type { EventLoop } from "./event-loop.ts";
import { extensionStatus } from "./status.ts";

export type Usage = Awaited<ReturnType<Client<"plinth.host">["usage"]>>;
export type ExtensionUsage = Usage["extensions"][number];
type Record = KernelSnapshot["records"][number];

const NOTHING = { calls: 0, errors: 0, refused: 0, activations: 0, activateMs: 0, blockedMs: 0, longestBlockMs: 0, egressBytes: 0 };

/** What the host and each extension do and cost now. */
export function usage(kernel: KernelSnapshot, loop: EventLoop): Usage {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const tenants = tenantsOf(kernel);
  return {
    at: Date.now(),
    pid: process.pid,
    uptimeMs: Math.round(performance.now()),
    generation: kernel.generation,
    draining: kernel.draining,
    safeMode: kernel.safeMode,
    memory: { rss, heapUsed },
    cpuMs: (user + system) / 1_000,
    eventLoop: loop.lately(),
    extensions: kernel.records.map((record) => extensionUsage(kernel, record, tenants)).sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** How many extensions live in each process. */
export function tenantsOf({ instances }: KernelSnapshot): Map<number, number> {
  const tenants = new Map<number, number>();
  for (const { usage: costs } of instances.values()) if (costs?.pid != null) tenants.set(costs.pid, (tenants.get(costs.pid) ?? 0) + 1);
  return tenants;
}

export function extensionUsage(kernel: KernelSnapshot, record: Record, tenants: ReadonlyMap<number, number>): ExtensionUsage {
  const { id, tier, state, bundled, fault } = extensionStatus(kernel, record);
  const { inFlight = 0, counts = NOTHING, usage: costs = null, breaker } = kernel.instances.get(id) ?? {};
  return {
    id,
    tier,
    state,
    bundled,
    inFlight,
    counts: { ...counts },
    ...(costs === null ? {} : { process: { ...costs, shared: costs.pid !== null && (tenants.get(costs.pid) ?? 0) > 1 } }),
    budgets: record.manifest.budgets ?? {},
    breakerOpen: breaker?.open === true,
    ...(fault === undefined ? {} : { fault }),
  };
}
