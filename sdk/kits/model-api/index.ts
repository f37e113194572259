/** What the code of models' protocols shares: reading streams, naming tools, telling failures apart. It sends nothing itself. */
export { AnswerBlocks, type BlockForms } from "./answer-blocks.ts";
export { BYTE_LIMITS, type ByteLimits, keptEvent, withBytes } from "./artifacts.ts";
export { imageOf, urlOf } from "./bytes.ts";
export { type CallIdForm, CallIds } from "./call-ids.ts";
export { EventStreamParser } from "./event-stream.ts";
export { type AnswerOptions, type AnswerReader, Exchange, type ExchangeOptions } from "./exchange.ts";
export { type FailureKind, type FailureOptions, failure, fault, kindOf, refused } from "./failure.ts";
export { LineParser } from "./lines.ts";
export { type Outgoing, type OutgoingRules, outgoing } from "./outgoing.ts";
export { type Refusal, refusalOf } from "./refusal.ts";
export type { Repair, RepairCode } from "./repair.ts";
export { replay } from "./replay.ts";
export { letGo } from "./rest.ts";
export { retryWaitMs } from "./retry-wait.ts";
export { Unsupported } from "./support.ts";
export { argumentsOf, unreadableCall } from "./tool-arguments.ts";
export { ToolNames } from "./tool-names.ts";
export { WellFormedText, wellFormed } from "./well-formed.ts";
