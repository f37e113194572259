import { defineExtension, errorInfo } from "@plinth/sdk";
import { explain, hookOrder } from "./explain.ts";
import { describe, status, unwalled } from "./status.ts";

export default defineExtension({
  activate(ctx) {
    const kernel = ctx.use("plinth.kernel").one();
    const snapshot = () => kernel.snapshot({});
    const tiers = ctx.use("plinth.tier");
    const enforcement = (tier: string) =>
      tier === "host"
        ? Promise.resolve(unwalled)
        : tiers
            .get(tier)
            .enforcement({})
            .catch((thrown) => ({ level: "none" as const, detail: [errorInfo(thrown).message] }));
    ctx.provide("plinth.host", "inspector", {
      status: async () => status(await snapshot()),
      describe: async ({ id }) => describe(await snapshot(), id, enforcement),
      explain: async ({ id }) => explain(await snapshot(), id),
      hooks: async () => hookOrder(await snapshot()),
      async report() {
        const { steps, instances } = await snapshot();
        return { steps, modules: [...instances].flatMap(([id, { active }]) => (active ? [id] : [])).sort() };
      },
      async configGet({ path }) {
        const { config, configFile } = await snapshot();
        const { valueAt } = await import("./config-value.ts");
        return { value: valueAt(config, path), file: configFile };
      },
    });
  },
});
