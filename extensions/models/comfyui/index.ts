import { defineExtension } from "@plinth/sdk";
import { generation } from "./generation.ts";
import type { Config } from "./workflows.ts";

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as Config;
    for (const contract of ["plinth.image-generation", "plinth.video-generation", "plinth.music-generation"] as const)
      ctx.provide(contract, "comfyui", generation(ctx, config, contract) as never);
  },
});
