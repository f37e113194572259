import { join } from "node:path";
import { defineExtension, PlinthError } from "@plinth/sdk";
import { keepSecret, readSecret } from "./secrets-file.ts";

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
        return readSecret(join(home, FILE), name);
      },
      async keep({ name, value }, { caller, work }) {
        if (!isOurs(caller) || work?.principal.role !== "owner" || work.influences.length > 0) {
          throw new PlinthError("PLINTH_PERMISSION", `${caller} may keep no secret: only the owner's own word may.`, {
            extension: caller,
            next: "Run in a shell: plinth init --secret NAME",
          });
        }
        const { home } = await kernel.snapshot({});
        const where = join(home, FILE);
        await keepSecret(where, name, value);
        return { where };
      },
    });
  },
});

const FILE = "secrets.json";

/** Packages from outside have another publisher. */
const isOurs = (id: string): boolean => id === "host" || id.startsWith("plinth.");
