import { join } from "node:path";
import { defineExtension, PlinthError } from "@plinth/sdk";
import { readSecret } from "./secrets-file.ts";

export default defineExtension({
  activate(ctx) {
    const kernel = ctx.use("plinth.kernel").one();
    ctx.provide("plinth.secret-source", "local", {
      async resolve({ name }, call) {
        // Values are for the host alone; it checks what was granted to whom.
        if (call.caller !== "host") {
          throw new PlinthError("PLINTH_PERMISSION", `${call.caller} may not use plinth.secret-source: only the host may.`, {
            extension: call.caller,
            next: "Use ctx.secrets.",
          });
        }
        const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined;
        if (value !== undefined && value !== "") return value;
        const { home } = await kernel.snapshot({});
        return readSecret(join(home, "secrets.json"), name);
      },
    });
  },
});
