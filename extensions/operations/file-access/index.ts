import { dirname } from "node:path";
import { defineExtension, PlinthError } from "@plinth/sdk";
import { FileAccess } from "./file-access.ts";

export default defineExtension({
  activate(ctx) {
    const files = new FileAccess(dirname(dirname(ctx.dataDir)));
    ctx.effect("granted folders", () => files.close());
    ctx.provide("plinth.file-access", "local", {
      request(input, call) {
        // It says itself what was granted: nobody but the host can be believed.
        if (call.caller === "host") return files.request(input);
        throw new PlinthError("PLINTH_PERMISSION", `${call.caller} may not use plinth.file-access: only the host may.`, {
          extension: call.caller,
          next: "Use ctx.files.",
        });
      },
    });
  },
});
