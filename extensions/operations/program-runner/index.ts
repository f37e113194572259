import { dirname } from "node:path";
import { defineExtension, PlinthError } from "@plinth/sdk";
import { found } from "@plinth/sdk/tiers";
import { Programs } from "./programs.ts";

export default defineExtension({
  activate(ctx) {
    const programs = new Programs(() => found(), dirname(dirname(ctx.dataDir)));
    ctx.effect("running programs", () => programs.stop());
    ctx.provide("plinth.program-runner", "local", {
      run(input, call) {
        // It says itself what was granted: nobody but the host can be believed.
        if (call.caller === "host") return programs.run(input, call.signal);
        throw new PlinthError("PLINTH_PERMISSION", `${call.caller} may not use plinth.program-runner: only the host may.`, {
          extension: call.caller,
          next: "Use ctx.exec.",
        });
      },
    });
  },
});
