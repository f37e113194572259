import { defineExtension } from "@plinth/sdk";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { LocalModels } from "./local-models.ts";

export default defineExtension({
  activate(ctx) {
    const models = new LocalModels(ctx);
    ctx.effect("loaded models", () => models.stop());
    ctx.provide("plinth.model-provider", "node-llama-cpp", completions(models));
    ctx.provide("plinth.embedding", "node-llama-cpp", embeddings(models));
  },
});
