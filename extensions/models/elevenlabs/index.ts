import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { music } from "./music.ts";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";

export default defineExtension({
  activate(ctx) {
    // All of it is data, which the manifest has.
    ctx.provide("plinth.model-vendor", "elevenlabs", {});
    ctx.provide("plinth.speech", "elevenlabs", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "elevenlabs", forProduct(transcription(ctx), "plinth.transcription"));
    ctx.provide("plinth.music-generation", "elevenlabs", forProduct(music(ctx), "plinth.music-generation"));
  },
});
