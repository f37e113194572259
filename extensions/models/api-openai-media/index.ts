import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { embedding } from "./embedding.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.embedding", "openai", forProduct(embedding(ctx), "plinth.embedding"));
  },
});
