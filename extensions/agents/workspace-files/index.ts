import { defineExtension } from "@plinth/sdk";
import { contribute, type HandsOf, type Limits } from "./contribute.ts";
import { Seeds } from "./seeds.ts";
import { Texts } from "./texts.ts";

export default defineExtension({
  activate(ctx) {
    const limits: Limits = { maxChars: 20_000, maxTotalChars: 60_000, maxUserChars: 4_000, ...(ctx.config as Partial<Limits>) };
    const seeds = new Seeds(ctx);
    const handsOf: HandsOf = async (texts) => {
      if ((await ctx.use("plinth.file-hands").list()).length === 0) return new Map();
      const files = texts.map(({ real, times }) => ({ path: real, ...times }));
      const known = await ctx.use("plinth.file-hands").one().of({ files });
      return new Map(known.files.map(({ path, parties }) => [path, parties]));
    };
    const parts = { limits, seeds, texts: new Texts(Math.max(limits.maxChars, limits.maxUserChars)), handsOf };
    ctx.provide("plinth.context", "workspace", { contribute: async (asked) => ({ sections: await contribute(parts, asked) }) });
    ctx.provide("plinth.cli-command", "workspace.init", {
      async *run(input, call) {
        const { initWorkspace } = await import("./shell.ts");
        yield* initWorkspace(ctx, seeds, input, call);
      },
    });
  },
});
