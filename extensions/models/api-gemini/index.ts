import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { geminiApi } from "./gemini-api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "gemini", forProduct(geminiApi(ctx)));
  },
});
