import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { generation } from "./generation.ts";

export default defineExtension({
  activate(ctx) {
    for (const contract of ["plinth.video-generation", "plinth.image-generation"] as const)
      ctx.provide(contract, "runway", forProduct(generation(ctx, contract), contract) as never);
    // All of it is data.
    ctx.provide("plinth.model-vendor", "runway", {});
  },
});
