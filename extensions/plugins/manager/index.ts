import { defineExtension, errorInfo } from "@plinth/sdk";
import { callApi } from "./api.ts";
import { runChat } from "./chat.ts";
import { pluginsCheck, registriesCheck } from "./doctor/checks.ts";
import { Installation } from "./installation.ts";
import { Registries } from "./market/registries.ts";
import { idOf } from "./operation.ts";
import { operations } from "./operations.ts";
import { runShell } from "./shell.ts";
import { archiveSource } from "./sources/archive.ts";
import { folderSource } from "./sources/folder.ts";
import { linkSource } from "./sources/link.ts";
import { marketplaceSource } from "./sources/marketplace.ts";
import { registrySource } from "./sources/registry.ts";
import { upkeepService } from "./upkeep/service.ts";
import { Setup } from "./upkeep/setup.ts";

export default defineExtension({
  activate(ctx) {
    const registries = new Registries(ctx);
    const installation = new Installation(ctx, registries);
    const setup = new Setup(ctx, installation);
    const all = operations(ctx, installation, setup);
    const tidied = installation.tidyUp().catch((thrown: unknown) => {
      if (!ctx.signal.aborted) ctx.log.warn("What earlier installations left could not be removed.", { error: errorInfo(thrown) });
    });
    ctx.provide("plinth.chat-command", "plugins", { run: (input, call) => runChat(ctx, all, input, call) });
    for (const operation of all) {
      ctx.provide("plinth.cli-command", idOf(operation), {
        async *run(input, call) {
          yield* runShell(operation, input, call);
          // A process that only runs this command ends with it.
          await tidied;
        },
      });
      ctx.provide("plinth.gateway-method", idOf(operation), { call: (params, call) => callApi(ctx, operation, params, call) });
    }
    ctx.provide("plinth.plugin-source", "folder", folderSource);
    ctx.provide("plinth.plugin-source", "archive", archiveSource);
    ctx.provide("plinth.plugin-source", "link", linkSource);
    ctx.provide("plinth.plugin-source", "marketplace", marketplaceSource(ctx));
    ctx.provide("plinth.plugin-source", "registry", registrySource(registries));
    ctx.provide("plinth.check", "plugins", pluginsCheck(ctx, setup));
    ctx.provide("plinth.check", "registries", registriesCheck(registries));
    ctx.provide("plinth.service", "plugin-upkeep", upkeepService(ctx, registries, setup));
  },
});
