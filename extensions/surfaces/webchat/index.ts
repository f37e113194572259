import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { Assets } from "./assets.ts";

export default defineExtension({
  activate(ctx) {
    const assets = new Assets(ctx.env.PLINTH_WEBCHAT_ASSETS ?? join(import.meta.dirname, "assets"));
    ctx.provide("plinth.http-route", "webchat.page", {
      handle: ({ headers }) => assets.answer("index.html", headers["if-none-match"]),
    });
    ctx.provide("plinth.http-route", "webchat.assets", {
      handle: ({ path, headers }) => assets.answer(path.slice("/assets/".length), headers["if-none-match"]),
    });
  },
});
