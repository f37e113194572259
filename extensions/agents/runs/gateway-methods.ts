import { type Context, PlinthError, type Provider } from "@plinth/sdk";
import { allowed } from "./commands.ts";
import { assertOwner } from "./own-commands.ts";
import type { Turns } from "./turns.ts";

type Method = Provider<"plinth.gateway-method">;
type Id = "chat.send" | "chat.abort" | "chat.history" | "sessions.list" | "commands.list";

/** The chat methods of the WebSocket API. Parameters come from outside: each is checked here. */
export function gatewayMethods(ctx: Context, turns: Turns): Record<Id, Method> {
  const store = ctx.use("plinth.session-store").one();
  return {
    "chat.send": {
      open: (input, call) => {
        const params = new Params(input);
        const text = params.text("text", 1_000_000);
        if (text === undefined) throw params.wrong("text", "is missing");
        return turns.submit(
          {
            text,
            surface: "gateway",
            ...params.texts({ sessionKey: 256, runId: 64, model: 256, suggestedBy: 256 }),
            ...(params.flag("detached") ? { detached: true } : {}),
          },
          call,
        );
      },
    },
    "chat.abort": {
      call: (input, call) => {
        assertOwner(call);
        const params = new Params(input);
        const target = params.texts({ sessionKey: 256, runId: 64 });
        if (target.runId === undefined && target.sessionKey === undefined) throw params.wrong("sessionKey", "or runId is needed");
        return turns.abort(target, call);
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
    "sessions.list": {
      call: (input, call) => {
        assertOwner(call);
        const params = new Params(input);
        const limit = params.integer("limit", 1_000);
        return store.list({ ...(limit === undefined ? {} : { limit }), ...params.texts({ cursor: 256 }) });
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

/** Parameters as they came. */
class Params {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(input: unknown) {
    this.#values = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  }

  text(name: string, max: number): string | undefined {
    const value = this.#own(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" && value.length >= 1 && value.length <= max) return value;
    throw this.wrong(name, `is a text of 1 to ${max} characters`);
  }

  texts<K extends string>(limits: Record<K, number>): { [N in K]?: string } {
    const found: { [N in K]?: string } = {};
    for (const name of Object.keys(limits) as K[]) {
      const value = this.text(name, limits[name]);
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  integer(name: string, max: number): number | undefined {
    const value = this.#own(name);
    if (value === undefined || value === null) return undefined;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number;
    throw this.wrong(name, `is a whole number from 1 to ${max}`);
  }

  flag(name: string): boolean {
    const value = this.#own(name);
    if (value === undefined || value === null || typeof value === "boolean") return value === true;
    throw this.wrong(name, "is true or false");
  }

  wrong(name: string, what: string): PlinthError {
    return new PlinthError("PLINTH_PARAMS", `The parameter "${name}" ${what}.`, { next: "`methods.list` shows the parameters of each method." });
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
}
