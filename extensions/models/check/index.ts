import { defineExtension, PlinthError } from "@plinth/sdk";
import { check } from "./command.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.cli-command", "models-check", {
      run(input, call) {
        if (call.work?.principal.role === "owner") return check(ctx, input, call.signal);
        throw new PlinthError("PLINTH_NOT_OWNER", "Models are asked in the owner's name, and cost.", { next: "Run it in a shell on the machine." });
      },
    });
  },
});
