import { defineExtension, errorInfo } from "@plinth/sdk";
import { describe, unwalled } from "./describe.ts";
import { EventLoop } from "./event-loop.ts";
import { explain, hookOrder } from "./explain.ts";
import { status } from "./status.ts";
import { usage } from "./usage.ts";

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
    const loop = new EventLoop();
    ctx.effect("the measuring of the event loop", () => loop.stop());
    ctx.provide("plinth.gateway-method", "host.usage", { call: async () => usage(await snapshot(), loop) });
    ctx.provide("plinth.host", "inspector", {
      status: async () => status(await snapshot()),
      describe: async ({ id }) => describe(await snapshot(), id, enforcement),
      explain: async ({ id }) => explain(await snapshot(), id),
      usage: async () => usage(await snapshot(), loop),
      grants: async () => ({ grants: Object.fromEntries((await snapshot()).grants) }),
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
