import { defineExtension } from "@plinth/sdk";
import type { Manifest } from "./manifest.ts";
import { sessionStore } from "./session-store.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    ctx.provide("plinth.session-store", "__NAME__", sessionStore(ctx.store, ctx.clock));
  },
});
