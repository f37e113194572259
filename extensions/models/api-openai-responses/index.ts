import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { responsesApi } from "./responses-api.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-api", "openai-responses", forProduct(responsesApi(ctx)));
  },
});
