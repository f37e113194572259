import { defineExtension } from "@plinth/sdk";
import { sentences } from "./sentences.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.embedding", "energetic-ai", sentences(ctx.dataDir));
  },
});
