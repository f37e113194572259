import { defineExtension } from "@plinth/sdk";
import { Catalog } from "./catalog.ts";
import { Questions } from "./questions.ts";
import { shellCommands } from "./shell.ts";

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as { deferOver?: number };
    const catalog = new Catalog(ctx, new Questions(ctx), () => config.deferOver ?? 40);
    ctx.provide("plinth.tool-catalog", "default", {
      list: (input) => catalog.list(input),
      search: (input) => catalog.search(input),
      async find(place) {
        const tool = await catalog.find(place);
        return tool === undefined ? {} : { tool };
      },
      async digest({ party }) {
        const digest = await catalog.digest(party);
        return digest === undefined ? {} : { digest };
      },
      run: (input, call) => catalog.run(input, call),
    });
    ctx.hooks.on("tools.changed", ({ set }) => catalog.lists.changed(set));
    ctx.hooks.on("generation.ready", ({ added, removed }) => catalog.lists.forget([...added, ...removed]));
    for (const [id, run] of Object.entries(shellCommands(catalog))) ctx.provide("plinth.cli-command", id, { run });
  },
});
