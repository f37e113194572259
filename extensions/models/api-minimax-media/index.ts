import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { images } from "./images.ts";
import { music } from "./music.ts";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";
import { video } from "./video.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.speech", "minimax", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "minimax", forProduct(transcription(ctx), "plinth.transcription"));
    ctx.provide("plinth.image-generation", "minimax", forProduct(images(ctx), "plinth.image-generation"));
    ctx.provide("plinth.video-generation", "minimax", forProduct(video(ctx), "plinth.video-generation"));
    ctx.provide("plinth.music-generation", "minimax", forProduct(music(ctx), "plinth.music-generation"));
  },
});
