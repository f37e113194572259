import type { ExtensionStatus } from "@plinth/manifests";
import { nearest } from "@plinth/manifests/check/explain.ts";
import { settingsOf } from "../config.ts";
import { errorData, errors } from "../errors.ts";
import type { Host } from "../host.ts";
import type { CatalogRecord } from "../plan/catalog.ts";
import { chooseTier } from "../plan/resolver.ts";

type Methods = Map<string, (input: Record<string, unknown>) => unknown>;

/** plinth.host: what the host is, answered from data; no extension code is loaded to answer. */
export function hostMethods(host: Host): Methods {
  return new Map<string, (input: Record<string, unknown>) => unknown>([
    ["status", () => status(host)],
    ["describe", ({ id }) => describe(host, String(id))],
    ["explain", ({ id }) => explain(host, String(id))],
    ["hooks", () => ({ hooks: hooks(host) })],
    [
      "report",
      () => ({
        steps: host.report.steps,
        modules: [...host.current.instances.values()]
          .filter((one) => one.active)
          .map((one) => one.id)
          .sort(),
      }),
    ],
    ["configGet", async ({ path }) => ({ value: await configAt(host, path), file: host.state.config.file })],
  ]);
}

function status(host: Host): unknown {
  const { plan } = host.current;
  return {
    version: host.product.version,
    node: process.version,
    pid: process.pid,
    home: host.home,
    generation: host.current.number,
    draining: [...host.draining].map((one) => one.number),
    safeMode: host.safeMode,
    uptimeMs: Math.round(performance.now()),
    memory: { rss: process.memoryUsage.rss() },
    extensions: [...host.state.records].map((record) => extensionStatus(host, record)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    problems: [...host.state.problems, ...plan.problems.map((one) => errorData(one))],
  };
}

export function extensionStatus(host: Host, record: CatalogRecord): ExtensionStatus {
  const { id, version, title, provides = [] } = record.manifest;
  const { plan } = host.current;
  const planned = plan.extensions.get(id);
  const instance = host.current.instances.get(id);
  const blocked = plan.blocked.get(id);
  const fault = host.supervisor.fault(id);
  const struck = fault !== undefined && fault.digest === record.digest ? fault : undefined;
  const state = plan.disabled.has(id)
    ? "disabled"
    : blocked !== undefined
      ? "blocked"
      : struck !== undefined && instance?.active !== true
        ? "quarantined"
        : instance?.active === true
          ? "active"
          : "ready";
  const { digest: _digest, ...shown } = struck ?? { digest: "" };
  const problem =
    blocked !== undefined ? { ...errorData(blocked, id), phase: "resolve", at: 0, count: 1 } : struck !== undefined ? shown : undefined;
  return {
    id,
    version,
    title,
    bundled: record.bundled,
    tier: planned?.tier ?? chooseTier(record, settingsOf(host.state.config.value, id).tier) ?? "process",
    state,
    provides: provides.map(({ contract, id }) => ({ contract, id })),
    ...(problem === undefined ? {} : { fault: problem as NonNullable<ExtensionStatus["fault"]> }),
    ...(instance === undefined ? {} : { counts: { ...instance.counts } }),
  };
}

function recordOf(host: Host, id: string): CatalogRecord {
  const record = host.state.records.find((one) => one.manifest.id === id);
  if (record !== undefined) return record;
  const near = nearest(
    id,
    host.state.records.map((one) => one.manifest.id),
  );
  throw errors.notInstalled(id, near === undefined ? [] : [near]);
}

function describe(host: Host, id: string): unknown {
  const record = recordOf(host, id);
  const lock = host.state.lock.extensions[id];
  const grant = host.grants.get(id);
  return {
    status: extensionStatus(host, record),
    manifest: record.manifest,
    ...(lock === undefined ? {} : { lock }),
    ...(grant === undefined ? {} : { grant }),
    enforcement: enforcement(extensionStatus(host, record).tier),
  };
}

/** Said honestly: what holds an extension in its tier on this machine. */
function enforcement(tier: string): { level: "full" | "partial" | "none"; detail: string[] } {
  if (tier === "host") return { level: "none", detail: ["runs in the host's own process; only the API refuses what is undeclared"] };
  return {
    level: "partial",
    detail: [
      "a process of its own, with a scrubbed environment and no inherited descriptors",
      "Node's permission model: no network, no child processes, no native modules, only granted folders",
      "no operating-system wall yet: a hole in Node's permission model would be open",
    ],
  };
}

function explain(host: Host, id: string): { reasons: string[] } {
  const { plan } = host.current;
  const reasons = [...(plan.reasons.get(id) ?? [])];
  for (const [contract, byId] of plan.capabilities) {
    if (contract === id) for (const [name, { extension }] of byId) reasons.push(`${name}: provided by ${extension}`);
    for (const [name, { extension }] of byId) if (extension === id) reasons.push(`provides ${contract}/${name}`);
  }
  for (const hook of plan.hooks.values()) {
    const order = hook.subscribers.map((one) => one.extension);
    if (hook.name === id) reasons.push(`${hook.mode}, fails ${hook.failure}; order: ${order.join(" → ") || "nobody subscribes"}`);
    else if (order.includes(id)) reasons.push(`takes part in ${hook.name} as number ${order.indexOf(id) + 1} of ${order.length}`);
  }
  if (reasons.length === 0) recordOf(host, id);
  return { reasons };
}

function hooks(host: Host): unknown[] {
  return [...host.current.pipelines].map(({ shape, taps }) => ({
    hook: shape.name,
    contract: shape.contract,
    mode: shape.mode,
    failure: shape.failure,
    subscribers: taps.map(({ extension, stage, counts }) => ({ extension, stage, calls: counts.calls, errors: counts.errors })),
  }));
}

async function configAt(host: Host, path: unknown): Promise<unknown> {
  let at: unknown = host.state.config.value;
  if (typeof path !== "string" || path === "") return at;
  const { parsePath } = await import("@plinth/manifests/check/config-edit.ts");
  for (const part of parsePath(path)) {
    at = at !== null && typeof at === "object" && Object.hasOwn(at, part) ? (at as Record<string, unknown>)[part] : undefined;
  }
  return at ?? null;
}
