import { defineExtension } from "@plinth/sdk";
import { asideCheck } from "@plinth/sdk/kits/sqlite";
import { fileIn } from "./database.ts";
import { UsageKeeper } from "./keeper.ts";

export default defineExtension({
  activate(ctx) {
    const keeper = new UsageKeeper(ctx);
    ctx.effect("the record", () => keeper.close());
    ctx.provide("plinth.usage", "usage", {
      admit: (input, call) => keeper.admit(input, call),
      settle: (input, call) => keeper.settle(input, call),
      totals: (input, call) => keeper.totals(input, call),
      limits: (input, call) => keeper.limits(input, call),
    });
    ctx.provide("plinth.check", "usage-file", asideCheck(ctx.id, fileIn(ctx.dataDir)));
    ctx.provide("plinth.chat-command", "usage", {
      async *run(input, call) {
        const { usageCommand } = await import("./chat.ts");
        yield* usageCommand(keeper, input, call, ctx.clock.now());
      },
    });
    ctx.provide("plinth.gateway-method", "usage.totals", { call: (input, call) => keeper.totals({ by: "all", ...(input as object) }, call) });
    ctx.provide("plinth.gateway-method", "usage.limits", { call: (input, call) => keeper.limits((input ?? {}) as object, call) });
  },
});
