import { dirname } from "node:path";
import { type Call, defineExtension, PlinthError } from "@plinth/sdk";
import { found } from "@plinth/sdk/tiers";
import { Programs } from "./programs.ts";

export default defineExtension({
  activate(ctx) {
    const egress = ctx.use("plinth.egress").one();
    const programs = new Programs(
      () => found(),
      dirname(dirname(ctx.dataDir)),
      (input, signal) => egress.proxy(input, { signal }),
      ctx.dataDir,
    );
    ctx.effect("running programs", () => programs.stop());
    ctx.provide("plinth.program-runner", "local", {
      open(input, call) {
        hostOnly(call);
        return programs.open(input, call.signal);
      },
      async send({ extension, id, message }, call) {
        hostOnly(call);
        await programs.send(extension, id, message);
        return {};
      },
    });
  },
});

/** It says itself what was granted: nobody but the host can be believed. */
function hostOnly({ caller }: Call): void {
  if (caller === "host") return;
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not use plinth.program-runner: only the host may.`, {
    extension: caller,
    next: "Use ctx.exec or ctx.spawn.",
  });
}
