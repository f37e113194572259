export { bytesItem, bytesOf, empty, json, jsonOf, text, textOf } from "./answer.ts";
export { type Duplex, type DuplexProvider, duplexRoute, type SocketMessage } from "./duplex.ts";
export { type Fetch, HttpError, type JsonAnswer, type JsonCall, jsonCall } from "./json-call.ts";
export {
  awaitDevice,
  type DeviceSignIn,
  exchangeCode,
  type OAuthClient,
  proofKey,
  randomText,
  refreshTokens,
  type SignIn,
  signInUrl,
  startDevice,
  type Tokens,
} from "./oauth.ts";
export { linkOf, type Page, paged } from "./paging.ts";
export { retryAfterMs } from "./retry-after.ts";
export {
  type Ed25519Signature,
  equalBytes,
  type HmacSignature,
  hmac,
  verifyDiscord,
  verifyEd25519,
  verifyHmac,
  verifyHub,
  verifyLine,
  verifySlack,
  verifyStandardWebhook,
  verifyTwilio,
} from "./signature.ts";
