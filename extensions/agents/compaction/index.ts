import { defineExtension } from "@plinth/sdk";

export default defineExtension({
  activate(ctx) {
    const { model } = ctx.config as { model?: string };
    ctx.provide("plinth.compactor", "summary", {
      // Loaded when a conversation is too long for the first time.
      async *compact(input, { signal }) {
        const { compact } = await import("./compact.ts");
        yield* compact(ctx, input, model, signal);
      },
    });
    ctx.provide("plinth.tool", "recall", {
      async call(input, { work }) {
        const { recall } = await import("./recall.ts");
        return recall(ctx, input, work);
      },
    });
  },
});
