/** For what finds, is, or looks after the gateway of a home on this machine. */
export { assertPrivateHome, examineHome, type HomeFinding } from "@plinth/manifests/home/examination.ts";
export { GatewayLink } from "./gateway-link.ts";
export { LocalSocket, SOCKET_FILE } from "./local-socket.ts";
export { isSameProcess, processOf } from "./process-identity.ts";
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
