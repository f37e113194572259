import type { Call, Client, Context } from "@plinth/sdk";
import { table, type Weighed } from "./length-commands.ts";
import { assertOwner } from "./own-commands.ts";

type Run = Client<"plinth.cli-command">["run"];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Weigh = (sessionKey: string, signal: AbortSignal) => Promise<Weighed>;

/** `plinth context show`: what `/context` says, also as data. */
export async function* showContext(ctx: Context, weigh: Weigh, { options }: Parameters<Run>[0], call: Call): AsyncIterable<TerminalItem> {
  if (call.work !== undefined) assertOwner(call);
  const asked = typeof options.session === "string" ? { sessionKey: options.session } : {};
  const { sessionKey } = await ctx
    .use("plinth.router")
    .one()
    .route({ surface: "cli", ...asked });
  const weighed = await weigh(sessionKey, call.signal);
  yield { out: `${table(weighed).replaceAll("**", "")}\n` };
  yield { result: { session: sessionKey, ...weighed } };
}
