import { defineExtension } from "@plinth/sdk";
import { gitSource } from "./git-source.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.plugin-source", "git", gitSource(ctx));
  },
});
