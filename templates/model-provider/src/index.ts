import { defineExtension } from "@plinth/sdk";
import { complete, MODELS } from "./completion.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    ctx.provide("plinth.model-provider", "__NAME__", {
      // Whether it could answer now, cheaply: a provider with a key asks ctx.secrets.has("NAME").
      status: () => ({ ready: true, defaultModel: MODELS[0].id }),
      models: () => ({ models: [...MODELS] }),
      stream: (request, { signal }) => complete(request, signal),
    });
  },
});
