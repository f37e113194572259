import type { SchemaGuard } from "@plinth/manifests/check/guard.ts";
import type { Secrets } from "@plinth/manifests/secrets.ts";
import type { Decision } from "../audit.ts";
import type { CapabilityEntry } from "../capability.ts";
import type { Generation } from "../generation.ts";
import type { Grants } from "../grants.ts";
import type { Logs } from "../log.ts";
import type { Stores } from "../store.ts";

/** What the broker needs of the host: who answers now, what was granted, and the services that it hands out. */
export interface BrokerHost {
  readonly home: string;
  readonly logs: Logs;
  readonly stores: Stores;
  readonly secrets: Secrets;
  readonly guard: SchemaGuard;
  readonly grants: Grants;
  readonly current: Generation;
  generation(): Generation;
  /** What fills a slot of the host's own; throws where that is not in the host tier. */
  trusted(contract: string): CapabilityEntry;
  audits(allowed: boolean): boolean;
  audit(decision: Decision): void;
  checkAdmin(extension: string): void;
}
