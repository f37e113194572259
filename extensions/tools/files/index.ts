import { type Call, defineExtension, type ToolResult } from "@plinth/sdk";
import { type ToolArguments, toolResult } from "./tool-result.ts";
import { type Workspace, withWorkspace } from "./workspace.ts";

type Run = (workspace: Workspace, args: ToolArguments, call: Call) => Promise<ToolResult>;

export default defineExtension({
  activate(ctx) {
    const provide = (id: string, load: () => Promise<Run>) =>
      ctx.provide("plinth.tool", id, {
        call: ({ args, workspace }, call) =>
          toolResult(args, call, async (given) => {
            const run = await load();
            return withWorkspace(workspace, (open) => run(open, given, call));
          }),
      });
    provide("read", async () => (await import("./read.ts")).read);
    provide("write", async () => (await import("./write.ts")).write);
    provide("edit", async () => (await import("./write.ts")).edit);
    provide("list", async () => (await import("./list.ts")).list);
    provide("search", async () => (await import("./search.ts")).search);
  },
});
