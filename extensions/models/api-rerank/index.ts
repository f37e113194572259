import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { rerank } from "./rerank.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.rerank", "rerank", forProduct(rerank(ctx), "plinth.rerank"));
  },
});
