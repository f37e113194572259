import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { embedding } from "./embedding.ts";
import { images } from "./images.ts";
import { music } from "./music.ts";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";
import { video } from "./video.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.embedding", "google", forProduct(embedding(ctx), "plinth.embedding"));
    ctx.provide("plinth.speech", "google", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "google", forProduct(transcription(ctx), "plinth.transcription"));
    ctx.provide("plinth.image-generation", "google", forProduct(images(ctx), "plinth.image-generation"));
    ctx.provide("plinth.video-generation", "google", forProduct(video(ctx), "plinth.video-generation"));
    ctx.provide("plinth.music-generation", "google", forProduct(music(ctx), "plinth.music-generation"));
  },
});
