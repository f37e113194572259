import { defineExtension } from "@plinth/sdk";
import { greet } from "./greet.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    ctx.provide("plinth.tool", "__NAME__", {
      call({ args }) {
        if (typeof args["name"] !== "string") {
          return { content: [{ type: "text", text: "`name` must be a text." }], isError: true };
        }
        return { content: [{ type: "text", text: greet(ctx.config.greeting, args["name"]) }] };
      },
    });
  },
});
