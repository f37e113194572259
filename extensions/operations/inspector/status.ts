import { type ExtensionStatus, type KernelSnapshot, PlinthError } from "@plinth/sdk";

type InstanceSnapshot = KernelSnapshot["instances"] extends ReadonlyMap<string, infer Instance> ? Instance : never;
type Record = KernelSnapshot["records"][number];

export function status(kernel: KernelSnapshot) {
  return {
    version: kernel.version,
    node: process.version,
    pid: process.pid,
    home: kernel.home,
    generation: kernel.generation,
    draining: kernel.draining,
    safeMode: kernel.safeMode,
    uptimeMs: Math.round(performance.now()),
    memory: { rss: process.memoryUsage.rss() },
    extensions: kernel.records.map((record) => extensionStatus(kernel, record)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    problems: kernel.problems,
  };
}

export function notInstalled(kernel: KernelSnapshot, id: string): PlinthError {
  const tail = id.slice(id.indexOf(".") + 1);
  const near = kernel.records.map((one) => one.manifest.id).filter((one) => one.endsWith(`.${tail}`) || one.includes(tail));
  return new PlinthError("PLINTH_NOT_INSTALLED", `${id} is not installed.`, {
    extension: id,
    next: near.length > 0 && tail !== "" ? `Did you mean ${near.slice(0, 3).join(", ")}?` : "`plinth plugins list` shows what is.",
  });
}

export function extensionStatus(kernel: KernelSnapshot, { manifest, digest, bundled, own }: Record): ExtensionStatus {
  const { id, version, title, provides = [] } = manifest;
  const instance = kernel.instances.get(id);
  const blocked = kernel.blocked.get(id);
  const struck = kernel.faults.get(id)?.digest === digest ? kernel.faults.get(id) : undefined;
  const active = instance?.active === true;
  let state: ExtensionStatus["state"] = active ? "active" : "ready";
  if (struck !== undefined && !active) state = "quarantined";
  if (blocked !== undefined) state = "blocked";
  if (kernel.disabled.has(id)) state = "disabled";
  const { digest: _digest, ...fault } = struck ?? {
    ...blocked,
    code: blocked?.code ?? "",
    message: blocked?.message ?? "",
    phase: "resolve",
    at: 0,
    count: 1,
    digest,
  };
  return {
    id,
    version,
    title,
    bundled,
    ...(own === true ? { own } : {}),
    tier: kernel.tiers.get(id) ?? "process",
    state,
    provides: provides.map((one) => ({ contract: one.contract, id: one.id })),
    ...(struck === undefined && blocked === undefined ? {} : { fault }),
    ...(instance === undefined ? {} : { counts: countsOf(instance.counts) }),
  };
}

/** The part that says whether it works; `usage` has the rest. */
function countsOf({ calls, errors, activations, activateMs }: InstanceSnapshot["counts"]): NonNullable<ExtensionStatus["counts"]> {
  return { calls, errors, activations, activateMs };
}
