import { defineExtension } from "@plinth/sdk";
import { enforcement } from "./enforcement.ts";
import { ProcessRunner } from "./process-runner.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.tier", "process", {
      launch(input, call) {
        if (call.caller !== "host") throw new Error("only the host may ask");
        return new ProcessRunner(input);
      },
      enforcement,
    });
  },
});
