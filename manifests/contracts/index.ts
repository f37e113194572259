import { audit } from "./audit.ts";
import { channel } from "./channel.ts";
import { chatCommand } from "./chat-command.ts";
import { cliCommand } from "./cli-command.ts";
import { egress } from "./egress.ts";
import { entry } from "./entry.ts";
import { fileAccess } from "./file-access.ts";
import { gatewayMethod } from "./gateway-method.ts";
import { harness } from "./harness.ts";
import { host, hostAdmin, kernel } from "./host.ts";
import { httpRoute } from "./http-route.ts";
import { interaction } from "./interaction.ts";
import { kvStore } from "./kv-store.ts";
import { modelProvider } from "./model-provider.ts";
import { pluginSource } from "./plugin-source.ts";
import { policy } from "./policy.ts";
import { programRunner } from "./program-runner.ts";
import { router } from "./router.ts";
import { secretSource } from "./secret-source.ts";
import { service } from "./service.ts";
import { sessionStore } from "./session-store.ts";
import { tier } from "./tier.ts";
import { tool } from "./tool.ts";
import { turns } from "./turns.ts";

/** Every contract of the product, by id. */
export const contracts = {
  [service.id]: service,
  [entry.id]: entry,
  [cliCommand.id]: cliCommand,
  [chatCommand.id]: chatCommand,
  [httpRoute.id]: httpRoute,
  [gatewayMethod.id]: gatewayMethod,
  [tool.id]: tool,
  [modelProvider.id]: modelProvider,
  [harness.id]: harness,
  [turns.id]: turns,
  [interaction.id]: interaction,
  [sessionStore.id]: sessionStore,
  [router.id]: router,
  [channel.id]: channel,
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
} as const;

export type ContractMap = typeof contracts;

/** Every hook of the product with its definition, by name. */
export type HookMap = (typeof turns)["hooks"] & (typeof harness)["hooks"] & (typeof pluginSource)["hooks"] & (typeof host)["hooks"];
