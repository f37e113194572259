import { defineExtension, errorInfo } from "@plinth/sdk";
import { callApi } from "./api.ts";
import { runChat } from "./chat.ts";
import { Installation } from "./installation.ts";
import { operations } from "./operations.ts";
import { runShell } from "./shell.ts";
import { archiveSource } from "./sources/archive.ts";
import { folderSource } from "./sources/folder.ts";
import { registrySource } from "./sources/registry.ts";

export default defineExtension({
  activate(ctx) {
    const installation = new Installation(ctx);
    const all = operations(ctx, installation);
    installation.sweep().catch((thrown: unknown) => {
      if (!ctx.signal.aborted) ctx.log.warn("What earlier installations left could not be removed.", { error: errorInfo(thrown) });
    });
    ctx.provide("plinth.chat-command", "plugins", { run: (input, call) => runChat(ctx, all, input, call) });
    for (const operation of all) {
      ctx.provide("plinth.cli-command", `plugins.${operation.name}`, { run: (input, call) => runShell(operation, input, call) });
      ctx.provide("plinth.gateway-method", `plugins.${operation.name}`, { call: (params, call) => callApi(ctx, operation, params, call) });
    }
    ctx.provide("plinth.plugin-source", "folder", folderSource);
    ctx.provide("plinth.plugin-source", "archive", archiveSource);
    ctx.provide("plinth.plugin-source", "registry", registrySource(ctx));
  },
});
