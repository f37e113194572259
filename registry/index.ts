export { canonicalJson } from "@plinth/manifests/canonical-json.ts";
export { formatLock, parseLock } from "@plinth/manifests/check/documents.ts";
export { makeFolders } from "@plinth/manifests/home/folders.ts";
export { nearNames } from "@plinth/manifests/near-names.ts";
export { partyOf } from "@plinth/manifests/party.ts";
export { describePowers } from "@plinth/manifests/powers.ts";
export { ARCHIVE_LIMITS, type ArchiveFile, readArchive } from "./archive.ts";
export { type AssembleOptions, assembleRegistry, type BuildRegistryOptions, buildRegistry } from "./build-registry.ts";
export type { BundleOptions } from "./bundle.ts";
export { type Download, RegistryClient, type RegistryClientOptions } from "./client.ts";
export type { PackageHit } from "./found-package.ts";
export { integrityMatches, integrityOf } from "./integrity.ts";
export { generateKey, keyFromSeed, readKeyFile, writeKeyFile } from "./key-file.ts";
export { assertManifest, manifestProblems, versionNotes } from "./manifest-check.ts";
export { isNearby, type Place, readFrom } from "./origin-rule.ts";
export { packDirectory, packFiles } from "./pack.ts";
export { type PackedExtension, packExtension, readManifest } from "./pack-extension.ts";
export { type Published, type PublishInput, publish, readPackageManifest, yank } from "./publish.ts";
export { addressIdentity, assertNoUser, canonicalAddress } from "./registry-address.ts";
export type { RegistryFetch } from "./registry-fetch.ts";
export type { RegistrySend } from "./remote-call.ts";
export {
  changeOwner,
  logOut,
  markVersion,
  owners,
  publishRemotely,
  type RemotePublished,
  type RemoteRegistry,
  registerPublisher,
  whoAmI,
} from "./remote-publish.ts";
export { SBOM_FILE } from "./sbom.ts";
export {
  type Finding,
  type SteeringText,
  scanPackage,
  steeringChanges,
  steeringDigest,
  steeringTexts,
  toolFindings,
  toolsIn,
} from "./scan/index.ts";
export { type Problem, problemLine } from "./schemas.ts";
export { fingerprintOf, type PublicKey, type PublisherKey, type Signable, sign, signedPayload, verify } from "./signing.ts";
export { type Chosen, contractProblem, productContracts, type Release, requiredMethods, type SolveInput, solve } from "./solve/index.ts";
export { extractArchive, scanFolder } from "./strangers/archives.ts";
export { chooseNpmVersion } from "./strangers/npm.ts";
export { withProgress } from "./strangers/progress.ts";
export { leanRelease, solveSet } from "./strangers/set-room.ts";
export type { Offer } from "./strangers/solve-task.ts";
export {
  type AdvisoryAction,
  type AdvisoryFinding,
  type AdvisoryPolicy,
  adviseOn,
  advisoryAction,
  ageFinding,
  type Change,
  type CheckpointDocument,
  type Comparison,
  downgradeFindings,
  edgeFindings,
  type Feed,
  type ForkProof,
  generateRoleKeys,
  HostTrust,
  type Installed,
  isFork,
  type KeyPins,
  type KnownRegistry,
  keySetOf,
  type Learned,
  MINIMUM_AGE_MS,
  type PackageProof,
  type PinnedKey,
  RECOVERY_WAIT_MS,
  type RegistryIdentity,
  RegistryTrust,
  type RegistryTrustOptions,
  type ReleaseFinding,
  type ReleasePolicy,
  type RoleKeys,
  readRoleKeys,
  recoverKey,
  releasedAt,
  roleKeysFromSeed,
  rotateKey,
  type TrustEvidence,
  type TrustMemory,
  type TrustState,
  verifyPackageProof,
  writeRoleKeys,
} from "./trust/index.ts";
