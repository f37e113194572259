export { INLINE_BASE64 } from "./content/limits.ts";
export { ContextSection } from "./contracts/agents/context.ts";
export {
  InteractionAction,
  InteractionAnswer,
  InteractionApproval,
  InteractionField,
  InteractionOption,
  InteractionQuestion,
  InteractionRequest,
  InteractionStep,
} from "./contracts/agents/interaction.ts";
export { Quoted } from "./contracts/agents/quoted.ts";
export { RequestPart } from "./contracts/agents/request-part.ts";
export { SaidIn } from "./contracts/agents/said-in.ts";
export { EntryBody, SessionInfo, TranscriptEntry, UsageTotals } from "./contracts/agents/transcript.ts";
export { ErrorInfo, TurnEvent } from "./contracts/agents/turns.ts";
export { Job, JobRun, Schedule } from "./contracts/automation/scheduler.ts";
export { BrowserAction, BrowserTab } from "./contracts/browser/browser-driver.ts";
export { Address, Sender } from "./contracts/channels/address.ts";
export { ChannelLimits } from "./contracts/channels/channel.ts";
export { Delivery } from "./contracts/channels/delivery.ts";
export { InboundItem } from "./contracts/channels/inbound.ts";
export { Button, OutboundMessage, Receipt, SendFailure } from "./contracts/channels/outbound.ts";
export { ArtifactInfo } from "./contracts/content/artifacts.ts";
export { Origin as MessageOrigin } from "./contracts/content/origin.ts";
export { ContentPart, Opaque, Part, ToolCallPart, ToolResultPart } from "./contracts/content/part.ts";
export { AuditRecord } from "./contracts/host/audit.ts";
export { Candidate, Consent } from "./contracts/host/host-admin.ts";
export { ExtensionStatus, Fault, Grant, type HookSnapshot, type InstanceSnapshot, type KernelSnapshot, Pin } from "./contracts/host/state.ts";
export * from "./contracts/index.ts";
export { GenerationItem } from "./contracts/media/generation.ts";
export { ImageModel, ImageRequest } from "./contracts/media/image-generation.ts";
export { UnderstandingItem, UnderstandingModel, UnderstandingRequest } from "./contracts/media/media-understanding.ts";
export { MusicModel, MusicRequest } from "./contracts/media/music-generation.ts";
export { SpeechItem, SpeechModel, SpeechRequest, Voice } from "./contracts/media/speech.ts";
export { ListenItem, ListenRequest, Segment, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "./contracts/media/transcription.ts";
export { VideoModel, VideoRequest } from "./contracts/media/video-generation.ts";
export { Memory, MemoryHit, MemoryScope } from "./contracts/memory/memory.ts";
export { Credential } from "./contracts/models/credentials.ts";
export { EmbeddingModel, EmbeddingRequest } from "./contracts/models/embedding.ts";
export { ModelEvent, RateLimit, Usage } from "./contracts/models/event.ts";
export { ModelMessage } from "./contracts/models/message.ts";
export { ModelInfo } from "./contracts/models/model.ts";
export { ModelEndpoint } from "./contracts/models/model-api.ts";
export { ModelVendor, type VendorPurpose } from "./contracts/models/model-vendor.ts";
export { ModelChoice, ModelSource, ModelsEvent } from "./contracts/models/models.ts";
export { MeteredUsage, PurposeEndpoint } from "./contracts/models/purpose.ts";
export { MessageRepair, ModelOptions, ModelRequest, ModelTool } from "./contracts/models/request.ts";
export { RerankModel, RerankRequest } from "./contracts/models/rerank.ts";
export { SpendingState, UsageRow, UsageSum } from "./contracts/models/usage.ts";
export { Needs } from "./contracts/needs.ts";
export { Finding } from "./contracts/operations/check.ts";
export { FoundService } from "./contracts/operations/discovery.ts";
export { Environment } from "./contracts/operations/environment.ts";
export { LoggedEvent } from "./contracts/operations/event-log.ts";
export { Task, TaskChange } from "./contracts/operations/tasks.ts";
export { BundleFile } from "./contracts/plugins/bundle-format.ts";
export { shapes } from "./contracts/shapes.ts";
export { ClientItem, HttpBody, HttpItem, HttpRequest, SocketItem, SocketRequest } from "./contracts/surfaces/http-route.ts";
export { McpServer } from "./contracts/tools/mcp-server.ts";
export { Skill } from "./contracts/tools/skill-source.ts";
export { ToolAnswer, ToolCallInput, ToolDescriptor, ToolItem, ToolQuestion, ToolResult } from "./contracts/tools/tool.ts";
export { CatalogTool } from "./contracts/tools/tool-catalog.ts";
export { ToolPlace } from "./contracts/tools/tool-place.ts";
export { ToolDecision, ToolRules } from "./contracts/tools/tool-policy.ts";
export { SetTool, ToolProblem } from "./contracts/tools/tool-set.ts";
export { WebResult } from "./contracts/web/web-search.ts";
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
