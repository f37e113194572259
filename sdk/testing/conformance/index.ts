export { type ArtifactsSubject, artifactsConformance } from "./artifacts.ts";
export { type BrowserDriverSubject, browserDriverConformance, refOf } from "./browser-driver.ts";
export { type BundleFormatSubject, bundleFormatConformance } from "./bundle-format.ts";
export { type ConformanceCase, type ConformanceRunner, describeConformance, type Opening } from "./case.ts";
export { type ChannelSubject, channelConformance, type OpenedChannel } from "./channel.ts";
export { type ChatCommandSubject, chatCommandConformance } from "./chat-command.ts";
export { type CheckSubject, checkConformance } from "./check.ts";
export { type CompactorSubject, type ContextSubject, compactorConformance, contextConformance } from "./context.ts";
export { type CredentialsSubject, credentialsConformance } from "./credentials.ts";
export { damaged, random } from "./damaged-bytes.ts";
export { type DeliverySubject, deliveryConformance } from "./delivery.ts";
export { type DiscoverySubject, discoveryConformance } from "./discovery.ts";
export { type EmbeddingSubject, embeddingConformance } from "./embedding.ts";
export { type EnvironmentSubject, environmentConformance } from "./environment.ts";
export {
  type ImageGenerationSubject,
  imageGenerationConformance,
  type MusicGenerationSubject,
  musicGenerationConformance,
  type VideoGenerationSubject,
  videoGenerationConformance,
} from "./generation.ts";
export { type HarnessSubject, harnessConformance } from "./harness.ts";
export { type HostileModelSubject, hostileModelConformance } from "./hostile-model-server.ts";
export { type HttpRouteSubject, httpRouteConformance, requestOf } from "./http-route.ts";
export { approvalOf, type InteractionSubject, interactionConformance, questionOf } from "./interaction.ts";
export { type EventLogSubject, eventLogConformance, type TasksSubject, tasksConformance } from "./ledgers.ts";
export { type MediaUnderstandingSubject, mediaUnderstandingConformance } from "./media-understanding.ts";
export { type MemorySubject, memoryConformance } from "./memory.ts";
export { type ModelApiSubject, modelApiConformance } from "./model-api.ts";
export { type ModelProviderSubject, modelProviderConformance } from "./model-provider.ts";
export { type ModelVendorSubject, modelVendorConformance } from "./model-vendor.ts";
export { type PluginSourceSubject, pluginSourceConformance } from "./plugin-source.ts";
export { type RerankSubject, rerankConformance } from "./rerank.ts";
export { type SchedulerSubject, schedulerConformance } from "./scheduler.ts";
export { type SessionStoreSubject, sessionStoreConformance } from "./session-store.ts";
export { wholeSessionStoreConformance } from "./session-store-whole.ts";
export { type McpServerSubject, mcpServerConformance, type SkillSourceSubject, skillSourceConformance } from "./skills.ts";
export { type SpeechSubject, speechConformance } from "./speech.ts";
export { type ToolSubject, toolConformance } from "./tool.ts";
export { type ToolPolicySubject, toolPolicyConformance } from "./tool-policy.ts";
export { type ToolSetSubject, toolSetConformance } from "./tool-set.ts";
export { type TranscriptionSubject, transcriptionConformance } from "./transcription.ts";
export { type TransformHookSubject, transformHookConformance } from "./transform-hook.ts";
export { type WebFetchSubject, type WebSearchSubject, webFetchConformance, webSearchConformance } from "./web.ts";
