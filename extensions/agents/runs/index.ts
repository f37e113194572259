import { defineExtension, textOf } from "@plinth/sdk";
import { gatewayMethods } from "./gateway-methods.ts";
import { ownCommands } from "./own-commands.ts";
import { type Limits, Turns } from "./turns.ts";

export default defineExtension({
  activate(ctx) {
    const limits: Limits = {
      maxParallel: 64,
      maxQueued: 100,
      maxWaiting: 10_000,
      turnTimeoutMs: 1_800_000,
      historyLimit: 200,
      historyChars: 400_000,
      ...(ctx.config as Partial<Limits>),
    };
    const turns = new Turns(ctx, limits);
    ctx.effect("turns", () => turns.close());
    ctx.provide("plinth.turns", "default", {
      submit: ({ text, ...input }, call) => turns.submit({ ...input, text: text ?? textOf(input.content ?? []) }, call),
      withdraw: (input, call) => turns.withdraw(input, call),
      follow: (input, call) => turns.follow(input, call),
      abort: (input, call) => turns.abort(input, call),
      tell: (input, call) => turns.tell(input, call),
      status: () => turns.status(),
    });
    ctx.provide("plinth.service", "turns", {
      start: () => {
        turns.resume();
        return {};
      },
      stop: () => ({}),
    });
    for (const [id, run] of Object.entries(ownCommands(ctx, turns))) ctx.provide("plinth.chat-command", id, { run });
    for (const [id, method] of Object.entries(gatewayMethods(ctx, turns))) ctx.provide("plinth.gateway-method", id, method);
  },
});
