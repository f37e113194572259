import { defineExtension } from "@plinth/sdk";
import { blotOut } from "./blot-out.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    // A transforming hook: answer with the payload as it shall be, or with nothing to leave it as it is.
    ctx.hooks.on("message.sending", (payload) => {
      const text = blotOut(payload.text, ctx.config.words);
      if (text === payload.text) return undefined;
      ctx.log.info("blotted words out of an answer", { sessionKey: payload.sessionKey });
      return { ...payload, text };
    });
  },
});
