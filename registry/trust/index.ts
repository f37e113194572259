export {
  type AdvisoryAction,
  type AdvisoryPolicy,
  adviseOn,
  advisoryAction,
  type Finding as AdvisoryFinding,
  type Installed,
  isAffected,
} from "./advisory-policy.ts";
export type { Change } from "./change-draft.ts";
export { readCheckpoint, signCheckpoint, verifierKey } from "./checkpoint.ts";
export type { CheckpointDocument, Comparison } from "./compare.ts";
export { type ForkProof, isFork } from "./fork-proof.ts";
export { HostTrust, type KnownRegistry } from "./host-trust.ts";
export { type KeyPins, type Learned, type PinnedKey, RECOVERY_WAIT_MS, type RegistryIdentity } from "./key-pins.ts";
export { eventText, type LogEvent, publishEvent } from "./log-event.ts";
export { readEvents } from "./log-writer.ts";
export { type PackageProof, verifyPackageProof } from "./package-proof.ts";
export { activeKeys, type Delegation, recoverKey, rotateKey } from "./publisher-keys.ts";
export type { Feed } from "./registry-state.ts";
export { RegistryTrust, type RegistryTrustOptions } from "./registry-trust.ts";
export {
  ageFinding,
  downgradeFindings,
  edgeFindings,
  MINIMUM_AGE_MS,
  type ReleaseFinding,
  type ReleasePolicy,
  releasedAt,
  type TrustEvidence,
} from "./release-policy.ts";
export {
  generateRoleKeys,
  keySetOf,
  makeRoot,
  type RoleKeys,
  type RoleName,
  readRoleKeys,
  roleKeysFromSeed,
  rootFingerprint,
  writeRoleKeys,
} from "./roles.ts";
export type { TrustMemory, TrustState } from "./trust-memory.ts";
