import { defineExtension } from "@plinth/sdk";
import { init } from "./init.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.cli-command", "init", { run: (input, call) => init(ctx, input, call) });
  },
});
