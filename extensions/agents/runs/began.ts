import { type Context, errorInfo } from "@plinth/sdk";

/** What goes on beside a conversation because it asked for it, and is ended with it: with all that it began in turn. How many. */
export async function endWhatItBegan(ctx: Context, sessionKey: string): Promise<number> {
  const tasks = ctx.use("plinth.tasks").one();
  try {
    const live = await tasks.list({ sessionKey, status: ["queued", "running", "waiting"], limit: 1_000 });
    let ended = 0;
    for (const { id } of live.tasks) if ((await tasks.cancel({ id, why: "the conversation was stopped" })).asked) ended++;
    return ended;
  } catch (error) {
    // Without a ledger nothing goes on beside a conversation.
    if (errorInfo(error).code === "PLINTH_CAPABILITY_MISSING") return 0;
    throw error;
  }
}
