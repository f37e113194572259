import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { createApi } from "./api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "ollama", forProduct(createApi(ctx)));
  },
});
