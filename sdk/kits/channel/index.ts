/** What channels and those who look after them share: pure functions over data. It knows no host and holds no state. */
export { addressText, parseAddress } from "./address.ts";
export { chunkText, type TextLimit } from "./chunk.ts";
export { type CommandLine, MENU, type MenuRules, menuOf, typedCommand } from "./commands.ts";
export { contentText } from "./content.ts";
export { BURST, type BurstRules, takeBurst, type Waiting } from "./debounce.ts";
export { meet, SEEN, type Seen, type SeenRules } from "./dedupe.ts";
export { CLOSED, type GateDecision, type GateInput, type GatePolicy, gate, type Standing } from "./gate.ts";
export { measure, type Unit } from "./measure.ts";
export { isMedia, type MediaPart, mediaBase64, mediaPieces, takesMime } from "./media.ts";
export { askPairing, findPairing, type Pairing, type PairingRules, pairingCode } from "./pairing.ts";
export { BACKOFF, type BackoffRules, backoffMs, paceMs, SENDING, type SendOutcome, type SendRules, sendOutcome } from "./retry.ts";
