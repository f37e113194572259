/** What the code of models' protocols shares: reading streams, naming tools, telling failures apart. It sends nothing itself. */
export { DIALECTS, type Dialect, dialectOf } from "@plinth/manifests/dialects/dialects.ts";
export { type SchemaNote, schemaFor } from "@plinth/manifests/dialects/schema-for.ts";
export { strictSchema, withoutStandIns } from "@plinth/manifests/dialects/strict-schema.ts";
export { isAmount } from "./amount.ts";
export { AnswerBlocks, type BlockForms } from "./answer-blocks.ts";
export { BYTE_LIMITS, type ByteLimits, keptEvent, withBytes } from "./artifacts.ts";
export { imageOf, urlOf } from "./bytes.ts";
export { type CacheMark, keptMarks } from "./cache-marks.ts";
export { type CallIdForm, CallIds } from "./call-ids.ts";
export { type ClaudeThinking, type ClaudeThinkingOptions, claudeThinking } from "./claude-thinking.ts";
export { EventStreamParser } from "./event-stream.ts";
export { type AnswerOptions, type AnswerReader, Exchange, type ExchangeOptions } from "./exchange.ts";
export { type FailureKind, type FailureOptions, failure, fault, kindOf, refused } from "./failure.ts";
export { forProduct } from "./for-product.ts";
export { type FormFile, form } from "./form.ts";
export { beginJob, type FollowOptions, followJob, type JobProgress, type JobState, noJob } from "./jobs.ts";
export { jsonLines } from "./json-lines.ts";
export { LineParser } from "./lines.ts";
export { type Medium, mediaTypeOf } from "./media-type.ts";
export { type OfferedSound, offeredSound } from "./offered-sound.ts";
export { type Outgoing, type OutgoingRules, outgoing } from "./outgoing.ts";
export { madePart, type PartBytesOptions, partBytes } from "./part-bytes.ts";
export { permitted } from "./permitted.ts";
export { PurposeCall } from "./purpose-call.ts";
export { endpointOf, fieldsFor, listing, modelsOf, type PurposeServer, serverOf } from "./purpose-server.ts";
export { type Refusal, refusalOf } from "./refusal.ts";
export type { Repair, RepairCode } from "./repair.ts";
export { replay } from "./replay.ts";
export { letGo } from "./rest.ts";
export { type ResultOptions, resultBytes, resultPart } from "./results.ts";
export { retryWaitMs } from "./retry-wait.ts";
export {
  knownVoices,
  type SoundFormat,
  type Speaking,
  type SpokenTiming,
  soundBytes,
  soundFormat,
  soundType,
  speaking,
  usualVoice,
  voicesOf,
} from "./speaking.ts";
export { cutToSay, type PartToSay, partsToSay } from "./speech-text.ts";
export { SpokenWords } from "./spoken-words.ts";
export { Unsupported } from "./support.ts";
export { ThinkTags } from "./think-tags.ts";
export { ticking } from "./ticking.ts";
export { argumentsOf, unreadableCall } from "./tool-arguments.ts";
export { ToolNames } from "./tool-names.ts";
export { blamesTools, type ToolRefusal, toolRefusal } from "./tool-refusal.ts";
export { numbersOf, unitVector } from "./vectors.ts";
export { WellFormedText, wellFormed } from "./well-formed.ts";
