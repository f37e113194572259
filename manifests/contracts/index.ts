import type { ContractDef } from "../define.ts";
import { compactor } from "./agents/compactor.ts";
import { context } from "./agents/context.ts";
import { harness } from "./agents/harness.ts";
import { interaction } from "./agents/interaction.ts";
import { router } from "./agents/router.ts";
import { sessionStore } from "./agents/session-store.ts";
import { turns } from "./agents/turns.ts";
import { scheduler } from "./automation/scheduler.ts";
import { browserDriver } from "./browser/browser-driver.ts";
import { channel } from "./channels/channel.ts";
import { delivery } from "./channels/delivery.ts";
import { inbox } from "./channels/inbox.ts";
import { artifacts } from "./content/artifacts.ts";
import { audit } from "./host/audit.ts";
import { contractAdapter } from "./host/contract-adapter.ts";
import { egress } from "./host/egress.ts";
import { entry } from "./host/entry.ts";
import { fileAccess } from "./host/file-access.ts";
import { host, kernel } from "./host/host.ts";
import { hostAdmin } from "./host/host-admin.ts";
import { kvStore } from "./host/kv-store.ts";
import { policy } from "./host/policy.ts";
import { programRunner } from "./host/program-runner.ts";
import { secretSource } from "./host/secret-source.ts";
import { service } from "./host/service.ts";
import { tier } from "./host/tier.ts";
import { imageGeneration } from "./media/image-generation.ts";
import { mediaUnderstanding } from "./media/media-understanding.ts";
import { musicGeneration } from "./media/music-generation.ts";
import { speech } from "./media/speech.ts";
import { transcription } from "./media/transcription.ts";
import { videoGeneration } from "./media/video-generation.ts";
import { memory } from "./memory/memory.ts";
import { credentials } from "./models/credentials.ts";
import { embedding } from "./models/embedding.ts";
import { modelApi } from "./models/model-api.ts";
import { modelProvider } from "./models/model-provider.ts";
import { modelVendor } from "./models/model-vendor.ts";
import { models } from "./models/models.ts";
import { rerank } from "./models/rerank.ts";
import { check } from "./operations/check.ts";
import { discovery } from "./operations/discovery.ts";
import { environment } from "./operations/environment.ts";
import { eventLog } from "./operations/event-log.ts";
import { tasks } from "./operations/tasks.ts";
import { bundleFormat } from "./plugins/bundle-format.ts";
import { pluginSource } from "./plugins/plugin-source.ts";
import { chatCommand } from "./surfaces/chat-command.ts";
import { cliCommand } from "./surfaces/cli-command.ts";
import { gatewayMethod } from "./surfaces/gateway-method.ts";
import { httpRoute } from "./surfaces/http-route.ts";
import { mcpServer } from "./tools/mcp-server.ts";
import { skillSource } from "./tools/skill-source.ts";
import { tool } from "./tools/tool.ts";
import { toolCatalog } from "./tools/tool-catalog.ts";
import { toolSet } from "./tools/tool-set.ts";
import { webFetch } from "./web/web-fetch.ts";
import { webSearch } from "./web/web-search.ts";

/** Every contract of the product, by id. */
export const contracts = {
  [service.id]: service,
  [entry.id]: entry,
  [cliCommand.id]: cliCommand,
  [chatCommand.id]: chatCommand,
  [httpRoute.id]: httpRoute,
  [gatewayMethod.id]: gatewayMethod,
  [tool.id]: tool,
  [toolSet.id]: toolSet,
  [toolCatalog.id]: toolCatalog,
  [skillSource.id]: skillSource,
  [mcpServer.id]: mcpServer,
  [models.id]: models,
  [modelProvider.id]: modelProvider,
  [modelVendor.id]: modelVendor,
  [modelApi.id]: modelApi,
  [credentials.id]: credentials,
  [embedding.id]: embedding,
  [rerank.id]: rerank,
  [speech.id]: speech,
  [transcription.id]: transcription,
  [imageGeneration.id]: imageGeneration,
  [videoGeneration.id]: videoGeneration,
  [musicGeneration.id]: musicGeneration,
  [mediaUnderstanding.id]: mediaUnderstanding,
  [harness.id]: harness,
  [context.id]: context,
  [compactor.id]: compactor,
  [turns.id]: turns,
  [interaction.id]: interaction,
  [sessionStore.id]: sessionStore,
  [router.id]: router,
  [artifacts.id]: artifacts,
  [eventLog.id]: eventLog,
  [tasks.id]: tasks,
  [check.id]: check,
  [environment.id]: environment,
  [discovery.id]: discovery,
  [channel.id]: channel,
  [inbox.id]: inbox,
  [delivery.id]: delivery,
  [memory.id]: memory,
  [webSearch.id]: webSearch,
  [webFetch.id]: webFetch,
  [scheduler.id]: scheduler,
  [browserDriver.id]: browserDriver,
  [policy.id]: policy,
  [pluginSource.id]: pluginSource,
  [bundleFormat.id]: bundleFormat,
  [kvStore.id]: kvStore,
  [egress.id]: egress,
  [fileAccess.id]: fileAccess,
  [programRunner.id]: programRunner,
  [secretSource.id]: secretSource,
  [audit.id]: audit,
  [tier.id]: tier,
  [kernel.id]: kernel,
  [host.id]: host,
  [hostAdmin.id]: hostAdmin,
  [contractAdapter.id]: contractAdapter,
} as const;

/** Older majors of contracts above that the product still serves, each with an adapter in a bundled extension. */
export const pastContracts: readonly ContractDef[] = [];

export type ContractMap = typeof contracts;

/** Every hook of the product with its definition, by name. */
export type HookMap = (typeof turns)["hooks"] &
  (typeof harness)["hooks"] &
  (typeof toolSet)["hooks"] &
  (typeof inbox)["hooks"] &
  (typeof pluginSource)["hooks"] &
  (typeof host)["hooks"];
