import { defineExtension } from "@plinth/sdk";
import { npmSource } from "./npm-source.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.plugin-source", "npm", npmSource(ctx));
  },
});
