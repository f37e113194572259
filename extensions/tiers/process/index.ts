import { defineExtension } from "@plinth/sdk";
import { ProcessRunner } from "./process-runner.ts";
import { enforcement } from "./wall.ts";

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
