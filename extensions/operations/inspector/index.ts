import { defineExtension } from "@plinth/sdk";
import { explain, hookOrder } from "./explain.ts";
import { describe, status } from "./status.ts";

export default defineExtension({
  activate(ctx) {
    const kernel = ctx.use("plinth.kernel").one();
    const snapshot = () => kernel.snapshot({});
    ctx.provide("plinth.host", "inspector", {
      status: async () => status(await snapshot()),
      describe: async ({ id }) => describe(await snapshot(), id),
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
