import { defineExtension } from "@plinth/sdk";
import { chatCommands } from "./chat.ts";
import { gatewayMethods } from "./gateway-methods.ts";
import { Interactions, type Limits } from "./interactions.ts";
import { shellCommands } from "./shell.ts";

export default defineExtension({
  activate(ctx) {
    const interactions = new Interactions(ctx, ctx.config as unknown as Limits);
    ctx.effect("what waits for an answer", () => interactions.close());
    ctx.provide("plinth.interaction", "default", {
      ask: (input, call) => interactions.ask(input, call),
      pending: (input, call) => interactions.pending(input, call),
      answer: (input, call) => interactions.answer(input, call),
      withdraw: (input, call) => interactions.withdraw(input, call),
      history: (input, call) => interactions.history(input, call),
      changes: (input, call) => interactions.changes(input, call),
    });
    const now = () => ctx.clock.now();
    for (const [id, run] of Object.entries(chatCommands(interactions, now))) ctx.provide("plinth.chat-command", id, { run });
    for (const [id, run] of Object.entries(shellCommands(interactions, now))) ctx.provide("plinth.cli-command", id, { run });
    for (const [id, method] of Object.entries(gatewayMethods(interactions))) ctx.provide("plinth.gateway-method", id, method);
  },
});
