import type { KernelSnapshot, Tier } from "@plinth/manifests";
import { settingsOf } from "@plinth/manifests/home/config-file.ts";
import { chooseTier } from "@plinth/manifests/plan/resolver.ts";
import { errorData } from "../errors.ts";
import type { Host } from "../host.ts";

/** The kernel's state as data, for whoever makes answers from it. What takes long to tell is told when it is read: each turn asks for a part. */
export function snapshot(host: Host): KernelSnapshot {
  const { current, state, supervisor, grants } = host;
  const { plan } = current;
  const tierOf = (record: (typeof state.records)[number]): Tier =>
    plan.extensions.get(record.manifest.id)?.tier ?? chooseTier(record, settingsOf(state.config.value, record.manifest.id).tier) ?? "process";
  return {
    version: host.product.version,
    home: host.home,
    configFile: state.config.file,
    config: state.config.value,
    generation: current.number,
    draining: [...host.draining].map((one) => one.number),
    safeMode: host.safeMode,
    get problems() {
      return [...state.config.problems, ...state.problems, ...plan.problems.map((one) => errorData(one))];
    },
    get records() {
      return [...state.records];
    },
    get tiers() {
      return new Map(state.records.map((record) => [record.manifest.id, tierOf(record)]));
    },
    get blocked() {
      return new Map([...plan.blocked].map(([id, problem]) => [id, errorData(problem, id)]));
    },
    disabled: plan.disabled,
    reasons: plan.reasons,
    capabilities: plan.capabilities,
    get hooks() {
      return [...current.pipelines].map(({ shape: { name: hook, contract, mode, failure }, taps }) => {
        return { hook, contract, mode, failure, subscribers: taps.map(({ extension, stage, counts }) => ({ extension, stage, ...counts })) };
      });
    },
    instances: current.instances,
    faults: supervisor.faults,
    lock: state.lock,
    packages: host.product.packages ?? {},
    grants: grants.all,
    secretExists: (name) => host.secrets.has(name),
    steps: host.report.steps,
  };
}
