import type { ExtensionObject } from "@plinth/manifests/wire/bridge.ts";
import { createContext } from "./context.ts";
import type { AnyManifest, Context, Extension, ManifestTypes } from "./types.ts";

export type {
  Address,
  ArtifactInfo,
  BrowserAction,
  BrowserTab,
  BundleFile,
  Button,
  Candidate,
  CatalogTool,
  ChannelLimits,
  ClientItem,
  Consent,
  ContentPart,
  ContextSection,
  Credential,
  Delivery,
  EmbeddingModel,
  EmbeddingRequest,
  EntryBody,
  Environment,
  ErrorInfo,
  ExtensionStatus,
  Fault,
  Finding,
  FoundService,
  GenerationItem,
  HookSnapshot,
  HttpBody,
  HttpItem,
  HttpRequest,
  ImageModel,
  ImageRequest,
  InboundItem,
  InteractionAction,
  InteractionAnswer,
  InteractionApproval,
  InteractionField,
  InteractionOption,
  InteractionQuestion,
  InteractionRequest,
  InteractionStep,
  Job,
  JobRun,
  KernelSnapshot,
  ListenItem,
  ListenRequest,
  LoggedEvent,
  Manifest,
  McpServer,
  Memory,
  MemoryHit,
  MemoryScope,
  MessageOrigin,
  MessageRepair,
  MeteredUsage,
  ModelChoice,
  ModelEndpoint,
  ModelEvent,
  ModelInfo,
  ModelMessage,
  ModelOptions,
  ModelRequest,
  ModelSource,
  ModelsEvent,
  ModelTool,
  ModelVendor,
  MusicModel,
  MusicRequest,
  Needs,
  Opaque,
  OutboundMessage,
  Part,
  PurposeEndpoint,
  Quoted,
  RateLimit,
  Receipt,
  RequestPart,
  RerankModel,
  RerankRequest,
  SaidIn,
  Schedule,
  Segment,
  Sender,
  SendFailure,
  SessionInfo,
  SetTool,
  Skill,
  SocketItem,
  SocketRequest,
  SpeechItem,
  SpeechModel,
  SpeechRequest,
  SpendingState,
  Task,
  TaskChange,
  ToolAnswer,
  ToolCallInput,
  ToolCallPart,
  ToolDecision,
  ToolDescriptor,
  ToolItem,
  ToolPlace,
  ToolProblem,
  ToolQuestion,
  ToolResult,
  ToolResultPart,
  ToolRules,
  TranscriptEntry,
  TranscriptionItem,
  TranscriptionModel,
  TranscriptionRequest,
  TurnEvent,
  UnderstandingItem,
  UnderstandingModel,
  UnderstandingRequest,
  Usage,
  UsageRow,
  UsageSum,
  UsageTotals,
  VendorPurpose,
  VideoModel,
  VideoRequest,
  Voice,
  WebResult,
} from "@plinth/manifests";
export { canonicalJson } from "@plinth/manifests/canonical-json.ts";
export { messagesFrom, partsFor, partsFrom, partsSaid } from "@plinth/manifests/content/opaque.ts";
export { isFor, partLabel, textOf, toolCallsOf, toolResultsOf } from "@plinth/manifests/content/reading.ts";
export { CREDENTIAL_WORDS } from "@plinth/manifests/credential-words.ts";
export { nearNames } from "@plinth/manifests/near-names.ts";
export { hostMatches, isLoopbackHost, type Target, targetOf } from "@plinth/manifests/net-pattern.ts";
export { AUTHORITY, type Decision, decide, EFFECT_WORDS, EFFECTS, type Effect } from "@plinth/manifests/origin/authority.ts";
export type { Influence } from "@plinth/manifests/origin/origin.ts";
export { changedBy, handsIn, type ShownOrigin, saidBy } from "@plinth/manifests/origin/shown.ts";
export { originLine } from "@plinth/manifests/origin/telling.ts";
export { isProduct } from "@plinth/manifests/party.ts";
export { hides, hidesWithin, type VisibleOptions, visible } from "@plinth/manifests/plain-text.ts";
export { CHOSEN, PROVIDE_WORDS } from "@plinth/manifests/power-words.ts";
export type { FileInfo } from "@plinth/manifests/wire/bridge.ts";
export { type Conversion, type Conversions, contractAdapter } from "./adapter.ts";
export { keepArtifact, keepArtifactFrom, readArtifact } from "./artifacts.ts";
export type { ContractTypes, HookTypes } from "./contract-types.ts";
export { errorInfo, isPlinthError, PlinthError, type PlinthErrorOptions } from "./errors.ts";
export { Feed } from "./feed.ts";
export type { Files } from "./files.ts";
export { known } from "./known.ts";
export type { ExecOptions, ExecResult } from "./program.ts";
export type { Socket, SocketOptions } from "./socket.ts";
export type { Program, ProgramEnd, ProgramOptions, SpawnOptions } from "./spawn.ts";
export type {
  AnyManifest,
  Call,
  CallOptions,
  Capability,
  Client,
  Clock,
  Context,
  ContractId,
  Contracts,
  Descriptor,
  Disposer,
  Extension,
  FetchOptions,
  FetchResponse,
  HookAnswer,
  HookHandler,
  HookName,
  HookOutcome,
  Hooks,
  Log,
  ManifestTypes,
  Principal,
  Provider,
  Scope,
  Secrets,
  Store,
  Uses,
  Work,
} from "./types.ts";

/**
 * Declare an extension. With the types that `plinth types` generates, code that names what the manifest does not
 * declare does not compile.
 *
 * @example
 * export default defineExtension<Manifest>({
 *   activate(ctx) {
 *     ctx.provide("plinth.tool", "dice", {
 *       call: ({ args }) => ({ content: [{ type: "text", text: String(roll(args.sides)) }] }),
 *     });
 *   },
 * });
 */
export function defineExtension<M extends ManifestTypes = AnyManifest>(extension: Extension<M>): Extension<M> & ExtensionObject {
  return {
    ...extension,
    plinth: 1,
    async start(bridge, info, registrations) {
      const { context, dispose } = createContext(bridge, info, registrations);
      try {
        const undo = await extension.activate(context as Context<M>);
        if (typeof undo === "function") (context as Context<M>).effect("activate", undo);
      } catch (thrown) {
        await dispose(thrown);
        throw thrown;
      }
      return { stop: dispose };
    },
  };
}
