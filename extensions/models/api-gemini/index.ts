import { defineExtension } from "@plinth/sdk";
import { geminiApi } from "./gemini-api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "gemini", geminiApi(ctx));
  },
});
