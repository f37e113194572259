/** For what finds, is, or looks after the gateway of a home on this machine, and for what keeps files in it. */
export { draftOf, type WriteOptions, writeAtomic } from "@plinth/manifests/home/atomic-file.ts";
export { assertPrivateHome, examineHome, type HomeFinding } from "@plinth/manifests/home/examination.ts";
export { takeFileLock } from "@plinth/manifests/home/file-lock.ts";
export { isOwnerRunning, isSameProcess, ownerName, processOf } from "@plinth/manifests/home/process-identity.ts";
export { readJsonIfAny, withoutMark } from "@plinth/manifests/home/text-file.ts";
export { GatewayLink } from "./gateway-link.ts";
export { LocalSocket, SOCKET_FILE } from "./local-socket.ts";
export {
  BODY_HEADER,
  commandProof,
  digestOf,
  gatewayProof,
  HELLO_PATH,
  isSame,
  NONCE_HEADER,
  newNonce,
  type Parties,
  PROOF_SCHEME,
  type Wanted,
} from "./proof.ts";
export { GATEWAY_STATE, homeIdentity, RUNNING_FILE, type Running, readRunning } from "./running.ts";
