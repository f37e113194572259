export { AuditRecord } from "./contracts/audit.ts";
export {
  Candidate,
  Consent,
  ExtensionStatus,
  Fault,
  Grant,
  type HookSnapshot,
  type InstanceSnapshot,
  type KernelSnapshot,
} from "./contracts/host.ts";
export * from "./contracts/index.ts";
export { InteractionAction, InteractionAnswer, InteractionOption, InteractionRequest, InteractionStep } from "./contracts/interaction.ts";
export { ModelEvent, ModelMessage, Usage } from "./contracts/model-provider.ts";
export { Origin as MessageOrigin } from "./contracts/origin.ts";
export { SessionInfo, TranscriptEntry } from "./contracts/session-store.ts";
export { ToolResult } from "./contracts/tool.ts";
export { ErrorInfo, TurnEvent } from "./contracts/turns.ts";
export type {
  Cardinality,
  ContractDef,
  HookDef,
  HookMode,
  IsStream,
  MethodDef,
  MethodInput,
  MethodItem,
  MethodOutput,
  Selection,
} from "./define.ts";
export { Config, ExtensionConfig } from "./schema/config.ts";
export { HookUse, Manifest, Permissions, Provide, Tier, Use } from "./schema/extension.ts";
export { LockEntry, Lockfile, Signature } from "./schema/lockfile.ts";
export { PackageIndex, PackageVersion, RegistryRoot, SearchIndex } from "./schema/registry.ts";
export { Advisory, AdvisoryFeed, KeyLink, PublisherKeys, Severity, TrustRoot, TrustSnapshot, TrustTimestamp } from "./schema/registry-trust.ts";
export { WIRE, type WireError, type WireMessage, type WireMeta } from "./wire/protocol.ts";
