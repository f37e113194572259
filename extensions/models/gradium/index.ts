import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";

export default defineExtension({
  activate(ctx) {
    // All of it is data, which the manifest has.
    ctx.provide("plinth.model-vendor", "gradium", {});
    ctx.provide("plinth.speech", "gradium", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "gradium", forProduct(transcription(ctx), "plinth.transcription"));
  },
});
