import { defineExtension } from "@plinth/sdk";
import { Catalog } from "./catalog.ts";
import { Questions } from "./questions.ts";

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
    ctx.hooks.on("generation.ready", ({ added, removed }) => {
      catalog.gate.changed();
      return catalog.lists.forget([...added, ...removed]);
    });
    for (const id of ["tools.list", "tools.show", "tools.why"] as const)
      ctx.provide("plinth.cli-command", id, {
        async *run(input) {
          const { shellCommands } = await import("./shell.ts");
          yield* shellCommands(catalog, ctx)[id](input);
        },
      });
    for (const id of ["tools.list", "tools.why"] as const)
      ctx.provide("plinth.gateway-method", id, {
        async call(input, call) {
          const { gatewayMethods } = await import("./surfaces.ts");
          return gatewayMethods(catalog, ctx)[id](input, call);
        },
      });
    ctx.provide("plinth.chat-command", "tools", {
      async *run(input, call) {
        const { chatCommand } = await import("./surfaces.ts");
        yield* chatCommand(catalog, ctx, input, call);
      },
    });
  },
});
