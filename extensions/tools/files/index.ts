import { type Call, defineExtension, PlinthError, type ToolResult } from "@plinth/sdk";
import { Hands } from "./hands.ts";
import { type Memory, memories } from "./memory.ts";
import { type ToolArguments, toolResult } from "./tool-result.ts";
import { type Workspace, withWorkspace } from "./workspace.ts";

type Run = (workspace: Workspace, args: ToolArguments, call: Call, memory: Memory) => Promise<ToolResult>;

export default defineExtension({
  activate(ctx) {
    const hands = new Hands(ctx);
    const memoryOf = memories(ctx, hands);
    ctx.provide("plinth.file-hands", "default", { of: async ({ files }) => ({ files: await hands.of(files) }) });
    const provide = (id: string, load: () => Promise<Run>) =>
      ctx.provide("plinth.tool", id, {
        call: ({ args, workspace, sessionKey }, call) =>
          toolResult(args, call, async (given) => {
            if (call.work?.principal.role !== "owner") throw ownersOnly();
            const run = await load();
            return withWorkspace(workspace, (open) => run(open, given, call, memoryOf(sessionKey, call)));
          }),
      });
    provide("read", async () => (await import("./read.ts")).read);
    provide("write", async () => (await import("./write.ts")).write);
    provide("edit", async () => (await import("./write.ts")).edit);
    provide("list", async () => (await import("./list.ts")).list);
    ctx.provide("plinth.chat-command", "undo", {
      async *run({ args, sessionKey }, call) {
        if (call.work !== undefined && call.work.principal.role !== "owner") throw ownersOnly();
        const { undo } = await import("./undo.ts");
        yield { text: await undo(args, memoryOf(sessionKey, call)) };
      },
    });
    provide("search", async () => (await import("./search.ts")).search);
  },
});

/** The workspace comes with the call: whoever is no owner could name any folder. */
const ownersOnly = (): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", "Files are for owners only; this is the work of a guest or of an extension.", {
    extension: "plinth.files",
    next: "An owner can ask for it in a conversation of their own; an extension declares `permissions.fs`.",
  });
