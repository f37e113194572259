import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { generation } from "./generation.ts";
import { speech } from "./speech.ts";

export default defineExtension({
  activate(ctx) {
    // All of it is data, which the manifest has.
    ctx.provide("plinth.model-vendor", "vydra", {});
    for (const contract of ["plinth.image-generation", "plinth.video-generation"] as const)
      ctx.provide(contract, "vydra", forProduct(generation(ctx, contract), contract) as never);
    ctx.provide("plinth.speech", "vydra", forProduct(speech(ctx), "plinth.speech"));
  },
});
