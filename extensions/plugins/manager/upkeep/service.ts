import { type Context, PlinthError, type Provider } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import type { Setup } from "./setup.ts";
import { actOnAdvisories } from "./watch.ts";

const CALLERS = ["host", "plinth.upkeep"];

/**
 * What has to be done without anybody asking: `{ setup: true }` installs what the configuration names, `{ advisories:
 * true }` pulls the feeds. Whoever calls it says when; it acts for the owner, who wrote the configuration.
 */
export function upkeepService(ctx: Context, registries: Registries, setup: Setup): Provider<"plinth.service"> {
  return {
    async start({ options = {} }, call) {
      // Others have no say in when the owner's configuration is carried out.
      if (!CALLERS.includes(call.caller)) {
        throw new PlinthError("PLINTH_PERMISSION", `${call.caller} may not have upkeep done.`, {
          extension: call.caller,
          next: "It is done by itself.",
        });
      }
      await ctx.work({ role: "owner", via: "config" }, async () => {
        if (options.setup === true) await setup.run(ctx.signal);
        if (options.advisories === true) await actOnAdvisories(ctx, registries, call.signal);
      });
      const problems = options.setup === true ? await setup.problems() : new Map();
      return { detail: { missing: [...problems.keys()] } };
    },
    stop: () => ({}),
  };
}
