import type { Call, Context, Provider } from "@plinth/sdk";
import { allowed } from "./commands.ts";
import { assertOwner } from "./own-commands.ts";
import { Params } from "./params.ts";
import { sessionMethods } from "./session-methods.ts";
import type { Turns } from "./turns.ts";

type Method = Provider<"plinth.gateway-method">;
type Id = "chat.send" | "chat.abort" | "chat.withdraw" | "chat.follow" | "chat.history" | "commands.list";

/** The chat methods of the WebSocket API. Parameters come from outside: each is checked here. */
export function gatewayMethods(ctx: Context, turns: Turns): Record<string, Method> {
  return { ...chatMethods(ctx, turns), ...sessionMethods(ctx, turns.choices) };
}

function chatMethods(ctx: Context, turns: Turns): Record<Id, Method> {
  const store = ctx.use("plinth.session-store").one();
  return {
    "chat.send": {
      open: (input, call) => {
        const params = new Params(input);
        const text = params.prose("text", 1_000_000);
        return turns.submit(
          {
            text,
            surface: "gateway",
            ...params.texts({ sessionKey: 256, runId: 64, model: 256, suggestedBy: 256 }),
            ...(params.flag("detached") ? { detached: true } : {}),
            ...params.oneOf("mode", MODES),
          },
          call,
        );
      },
    },
    "chat.abort": {
      call: async (input, call) => {
        assertOwner(call);
        const params = new Params(input);
        const target = params.texts({ sessionKey: 256, runId: 64 });
        if (target.runId === undefined && target.sessionKey === undefined) throw params.wrong("sessionKey", "or runId is needed");
        const aborted = turns.abort(target, call);
        if (target.runId === undefined) await (await import("./began.ts")).endWhatItBegan(ctx, target.sessionKey as string);
        return aborted;
      },
    },
    "chat.withdraw": {
      call: (input, call) => {
        assertOwner(call);
        const params = new Params(input);
        return turns.withdraw({ runId: params.needed("runId", 64) }, call);
      },
    },
    "chat.follow": {
      open: (input, call) => {
        assertOwner(call);
        return follow(ctx, turns, new Params(input).texts({ sessionKey: 256, runId: 64, after: 64 }), call);
      },
    },
    "chat.history": {
      call: async (input, call) => {
        assertOwner(call);
        const params = new Params(input);
        const { sessionKey: asked } = params.texts({ sessionKey: 256 });
        const limit = params.integer("limit", 10_000) ?? 200;
        const sessionKey = asked ?? (await ctx.use("plinth.router").one().route({ surface: "gateway" })).sessionKey;
        const { entries } = await store.history({ key: sessionKey, limit });
        return { sessionKey, entries };
      },
    },
    "commands.list": {
      call: async (_, call) => {
        const commands = await allowed(ctx, { principal: call.work?.principal });
        return {
          commands: commands.map(({ descriptor: { name, summary, usage, subcommands } }) => ({
            name,
            summary,
            ...(usage ? { usage } : {}),
            ...(subcommands ? { subcommands } : {}),
          })),
        };
      },
    },
  };
}

const MODES = ["followup", "collect", "interrupt", "steer"] as const;

/** A run, or a session: without either the one that the router would choose. */
async function* follow(ctx: Context, turns: Turns, target: { sessionKey?: string; runId?: string; after?: string }, call: Call) {
  const { sessionKey, runId } = target;
  const key = sessionKey ?? (runId === undefined ? (await ctx.use("plinth.router").one().route({ surface: "gateway" })).sessionKey : undefined);
  yield* turns.follow({ ...target, ...(key === undefined ? {} : { sessionKey: key }) }, call);
}
