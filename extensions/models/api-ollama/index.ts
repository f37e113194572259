import { defineExtension } from "@plinth/sdk";
import { createApi } from "./api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "ollama", createApi(ctx));
  },
});
