import type { Call } from "@plinth/sdk";
import { PlinthError } from "@plinth/sdk";
import { dayStart } from "./day.ts";
import type { UsageKeeper } from "./keeper.ts";
import { limitWords, scopeWords, sumWords } from "./words.ts";

/** `/usage`: the newest turn, the conversation and the day, and the limits. */
export async function* usageCommand(
  keeper: UsageKeeper,
  { args, sessionKey }: { args: string; sessionKey: string },
  call: Call,
  now: number,
): AsyncGenerator<{ text: string }> {
  if (args !== "")
    throw new PlinthError("PLINTH_USAGE", "/usage takes no arguments.", {
      next: "In a shell, plinth usage sums up by model, agent, session and day.",
    });
  const [turn, session, today] = await Promise.all([
    keeper.totals({ by: "all", sessionKey, runId: "last" }, call),
    keeper.totals({ by: "all", sessionKey }, call),
    keeper.totals({ by: "all", since: dayStart(now) }, call),
  ]);
  const { limits } = await keeper.limits({ sessionKey }, call);
  const lines = [
    `- Newest turn: ${sumWords(turn.total)}`,
    `- This conversation: ${sumWords(session.total)}`,
    `- Today, all conversations: ${sumWords(today.total)}`,
    ...limits.map((limit) => `- Limit for ${scopeWords(limit)}: ${limitWords(limit)}`),
  ];
  yield { text: lines.join("\n") };
}
