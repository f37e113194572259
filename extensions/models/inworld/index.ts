import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";

export default defineExtension({
  activate(ctx) {
    // All of it is data, which the manifest has.
    ctx.provide("plinth.model-vendor", "inworld", {});
    ctx.provide("plinth.speech", "inworld", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "inworld", forProduct(transcription(ctx), "plinth.transcription"));
  },
});
