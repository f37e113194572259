import type { ContractDef } from "../define.ts";
import { harness } from "./agents/harness.ts";
import { interaction } from "./agents/interaction.ts";
import { router } from "./agents/router.ts";
import { sessionStore } from "./agents/session-store.ts";
import { turns } from "./agents/turns.ts";
import { channel } from "./channels/channel.ts";
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
import { modelApi } from "./models/model-api.ts";
import { modelProvider } from "./models/model-provider.ts";
import { modelVendor } from "./models/model-vendor.ts";
import { check } from "./operations/check.ts";
import { eventLog } from "./operations/event-log.ts";
import { tasks } from "./operations/tasks.ts";
import { pluginSource } from "./plugins/plugin-source.ts";
import { chatCommand } from "./surfaces/chat-command.ts";
import { cliCommand } from "./surfaces/cli-command.ts";
import { gatewayMethod } from "./surfaces/gateway-method.ts";
import { httpRoute } from "./surfaces/http-route.ts";
import { tool } from "./tools/tool.ts";
import { toolCatalog } from "./tools/tool-catalog.ts";
import { toolSet } from "./tools/tool-set.ts";

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
  [modelProvider.id]: modelProvider,
  [modelVendor.id]: modelVendor,
  [modelApi.id]: modelApi,
  [harness.id]: harness,
  [turns.id]: turns,
  [interaction.id]: interaction,
  [sessionStore.id]: sessionStore,
  [router.id]: router,
  [artifacts.id]: artifacts,
  [eventLog.id]: eventLog,
  [tasks.id]: tasks,
  [check.id]: check,
  [channel.id]: channel,
  [inbox.id]: inbox,
  [policy.id]: policy,
  [pluginSource.id]: pluginSource,
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
