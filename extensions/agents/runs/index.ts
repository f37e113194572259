import { availableParallelism } from "node:os";
import { defineExtension, partsSaid, textOf } from "@plinth/sdk";
import { gatewayMethods } from "./gateway-methods.ts";
import { lengthCommands } from "./length-commands.ts";
import { modelCommands } from "./model-commands.ts";
import { ownCommands } from "./own-commands.ts";
import { queueCommand } from "./queue-command.ts";
import { repairCommand } from "./repair-command.ts";
import { runIdOf } from "./run-id.ts";
import { sessionCommands } from "./session-commands.ts";
import { isThirdParty } from "./suggestions.ts";
import { type Limits, Turns } from "./turns.ts";

export default defineExtension({
  activate(ctx) {
    const { shares, ...config } = ctx.config as Partial<Limits>;
    const limits: Limits = {
      maxParallel: Math.max(8, availableParallelism() * 4),
      shares: { subagent: 8, scheduled: 8, background: 3, ...shares },
      maxQueued: 100,
      maxWaiting: 10_000,
      turnTimeoutMs: 1_800_000,
      historyLimit: 200,
      historyChars: 400_000,
      queue: {},
      stuckWarnMs: 120_000,
      stuckAbortMs: Math.max(300_000, 3 * (config.stuckWarnMs ?? 120_000)),
      ...config,
    };
    const turns = new Turns(ctx, limits);
    ctx.effect("turns", () => turns.close());
    /** A run by the name that its caller gave it, or by its id. */
    const meant = <T extends { runId?: string }>(input: T, caller: string): T => {
      const own = input.runId === undefined ? undefined : runIdOf(caller, input.runId);
      return own !== undefined && turns.knows(own) ? { ...input, runId: own } : input;
    };
    ctx.provide("plinth.turns", "default", {
      submit: ({ text, runId, content: given, share: asked, ...input }, call) => {
        // Which share is whose is the product's to say.
        const share = asked === undefined || isThirdParty(call.caller) ? {} : { share: asked };
        const content = given === undefined ? undefined : partsSaid(given);
        const named = runId === undefined ? {} : { runId: runIdOf(call.caller, runId) };
        return turns.submit(
          { ...input, ...share, ...named, ...(content === undefined ? {} : { content }), text: text ?? textOf(content ?? []) },
          call,
        );
      },
      withdraw: (input, call) => turns.withdraw(meant(input, call.caller), call),
      follow: (input, call) => turns.follow(meant(input, call.caller), call),
      abort: (input, call) => turns.abort(meant(input, call.caller), call),
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
    const lengths = lengthCommands(ctx, turns.choices, limits);
    const commands = {
      ...ownCommands(ctx, turns),
      ...modelCommands(ctx, turns.choices),
      ...sessionCommands(ctx, turns.choices),
      ...lengths.commands,
      // With a text it is no command, and has been taken in as a message.
      async *steer() {
        yield { text: "Type `/steer TEXT`: it is said into the turn that runs, where that can be, and is answered afterwards where not." };
      },
      queue: queueCommand(turns.choices, limits.queue),
      repair: repairCommand(ctx, turns.choices, limits),
    };
    for (const [id, run] of Object.entries(commands)) ctx.provide("plinth.chat-command", id, { run });
    ctx.provide("plinth.cli-command", "context.show", {
      async *run(input, call) {
        const { showContext } = await import("./context-show.ts");
        yield* showContext(ctx, lengths.weigh, input, call);
      },
    });
    for (const [id, method] of Object.entries(gatewayMethods(ctx, turns))) ctx.provide("plinth.gateway-method", id, method);
  },
});
