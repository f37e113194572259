import type { Tier } from "@plinth/manifests";
import type { SchemaGuard } from "@plinth/manifests/check/guard.ts";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import type { InstanceInfo, WorkData } from "@plinth/manifests/wire/bridge.ts";
import type { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Runner, RunnerInput } from "@plinth/manifests/wire/runner.ts";
import type { DependencyContainer } from "tsyringe";
import type { InstanceContainer } from "./container.ts";
import type { Supervisor } from "./supervisor.ts";

export interface InstanceInput {
  readonly key: string;
  readonly record: CatalogRecord;
  readonly tier: Tier;
  readonly info: InstanceInfo;
  readonly workspace: string;
  readonly trust: string;
  readonly sandbox: RunnerInput["sandbox"];
  readonly bridge: RunnerInput["bridge"];
  readonly parent: DependencyContainer;
  readonly supervisor: Supervisor;
  readonly guard: SchemaGuard;
  readonly onLog: RunnerInput["onLog"];
  readonly makeRunner: (tier: Tier, input: RunnerInput, record: CatalogRecord, container: InstanceContainer) => Promise<Runner>;
  /** What forbids it to take part in this work: an expired grant, or one for other work. */
  readonly permits: ((work: WorkData | undefined) => PlinthError | null) | null;
  /** Told of each call that was not let in. */
  readonly onRefused: (what: string, error: PlinthError) => void;
  /** Check payloads in the host tier too. */
  readonly validate: boolean;
}
