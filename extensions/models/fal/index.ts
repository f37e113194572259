import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { generation } from "./generation.ts";
import { speech } from "./speech.ts";

export default defineExtension({
  activate(ctx) {
    for (const contract of ["plinth.image-generation", "plinth.video-generation", "plinth.music-generation"] as const)
      ctx.provide(contract, "fal", forProduct(generation(ctx, contract), contract) as never);
    // All of it is data.
    ctx.provide("plinth.model-vendor", "fal", {});
    ctx.provide("plinth.speech", "fal", forProduct(speech(ctx), "plinth.speech"));
  },
});
