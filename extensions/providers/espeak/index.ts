import { defineExtension } from "@plinth/sdk";
import { forLines } from "./speaker.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.speech", "espeak", forLines(ctx));
  },
});
