import { defineExtension } from "@plinth/sdk";
import { responsesApi } from "./responses-api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "openai-responses", responsesApi(ctx));
  },
});
