import { defineExtension } from "@plinth/sdk";
import { forProduct } from "@plinth/sdk/kits/model-api";
import { embedding } from "./embedding.ts";
import { images } from "./images.ts";
import { speech } from "./speech.ts";
import { transcription } from "./transcription.ts";
import { videos } from "./videos.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.embedding", "openai", forProduct(embedding(ctx), "plinth.embedding"));
    ctx.provide("plinth.speech", "openai", forProduct(speech(ctx), "plinth.speech"));
    ctx.provide("plinth.transcription", "openai", forProduct(transcription(ctx), "plinth.transcription"));
    ctx.provide("plinth.image-generation", "openai", forProduct(images(ctx), "plinth.image-generation"));
    ctx.provide("plinth.video-generation", "openai", forProduct(videos(ctx), "plinth.video-generation"));
  },
});
