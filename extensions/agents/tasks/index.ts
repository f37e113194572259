import { defineExtension } from "@plinth/sdk";
import { asideCheck } from "@plinth/sdk/kits/sqlite";
import { audit, cancelByWord } from "./audit.ts";
import { fileIn, openFile } from "./database.ts";
import { follow } from "./following.ts";
import { type Kept, Ledger } from "./ledger.ts";
import type { Verb } from "./shell.ts";
import { viewerOf } from "./viewer.ts";

export default defineExtension({
  async activate(ctx) {
    const kept = ctx.config as unknown as Kept;
    const file = await openFile(ctx.dataDir, (report) => ctx.log.error("the ledger of tasks was damaged and is set aside", { ...report }));
    const ledger = new Ledger(file, () => Math.floor(ctx.clock.now()), kept);
    ctx.effect("the ledger", () => ledger.close());
    ctx.provide("plinth.tasks", "ledger", {
      create: (input, call) => ledger.create(input, viewerOf(call)),
      claim: (input, call) => ledger.claim(input, viewerOf(call)),
      update: (input, call) => ledger.update(input, viewerOf(call)),
      cancel: (input, call) => ledger.cancel(input, viewerOf(call)),
      delivered: (input, call) => ledger.delivered(input, viewerOf(call)),
      get: (input, call) => ledger.get(input, viewerOf(call)),
      list: (input, call) => ledger.list(input, viewerOf(call)),
      follow: (input, call) => follow(ledger, input, viewerOf(call), call.signal),
    });
    ctx.provide("plinth.check", "tasks-file", asideCheck(ctx.id, fileIn(ctx.dataDir)));
    for (const verb of ["list", "show", "cancel", "audit"] as const satisfies readonly Verb[]) {
      ctx.provide("plinth.cli-command", `tasks.${verb}`, {
        async *run(input, call) {
          const { shell } = await import("./shell.ts");
          yield* shell(verb, ledger, kept.keepDays, input, call);
        },
      });
    }
    ctx.provide("plinth.chat-command", "tasks", {
      async *run(input, call) {
        const { tasksCommand } = await import("./chat.ts");
        yield* tasksCommand(ledger, input, call);
      },
    });
    // The host has held parameters against the manifest's schema.
    ctx.provide("plinth.gateway-method", "tasks.list", { call: (input, call) => ledger.list((input ?? {}) as object, viewerOf(call)) });
    ctx.provide("plinth.gateway-method", "tasks.get", { call: (input, call) => ledger.get(input as { id: string }, viewerOf(call)) });
    ctx.provide("plinth.gateway-method", "tasks.cancel", { call: (input, call) => cancelByWord(ledger, input as { id: string }, viewerOf(call)) });
    ctx.provide("plinth.gateway-method", "tasks.audit", { call: (_, call) => audit(ledger, kept.keepDays, viewerOf(call)) });
    ctx.provide("plinth.gateway-method", "tasks.watch", {
      open: (input, call) => follow(ledger, (input ?? {}) as object, viewerOf(call), call.signal),
    });
  },
});
