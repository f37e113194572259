import { type Call, defineExtension, type ToolResult } from "@plinth/sdk";
import { refusal, type ToolInput } from "./answers.ts";
import { Children, type Limits } from "./children.ts";
import { history, list, Sending } from "./session-tools.ts";
import { spawn, subagents } from "./spawn-tools.ts";

export default defineExtension({
  activate(ctx) {
    const children = new Children(ctx, ctx.config as unknown as Limits);
    const sending = new Sending(ctx, children);
    ctx.effect("sub-agents", () => children.close());
    const tools: Record<string, (input: ToolInput, call: Call) => Promise<ToolResult>> = {
      sessions_spawn: (input, call) => spawn(children, input, call),
      subagents: (input, call) => subagents(ctx, children, input, call),
      sessions_list: (input, call) => list(ctx, children, input, call),
      sessions_history: (input, call) => history(ctx, children, input, call),
      sessions_send: (input, call) => sending.send(input, call),
    };
    for (const [id, run] of Object.entries(tools)) {
      ctx.provide("plinth.tool", id, {
        call: (input, call) =>
          run(input, call).catch((thrown: unknown) => {
            if (call.signal.aborted) throw thrown;
            return refusal(thrown);
          }),
      });
    }
  },
});
