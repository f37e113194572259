import type { Context, ModelMessage, TurnEvent } from "@plinth/sdk";
import { charsIn, earlierIn, shortened, summaryMessage, tokensIn } from "@plinth/sdk/kits/conversation";
import type { LoopInput, Shorter } from "./loop.ts";
import type { Bounds } from "./room.ts";

type Parts = Pick<Context, "use" | "lower">;

/** Of what is kept, what the turn's own question may take where the cut lies behind it. */
const QUESTION = 0.5;

/**
 * What is said so far, made short by whoever does that here.
 *
 * @returns undefined: nobody here does that
 * @throws PLINTH_COMPACT_SHORT, PLINTH_COMPACT_FAILED, with the conversation as it was
 */
export async function* compacted(
  ctx: Parts,
  { sessionKey, agent, model, history }: Pick<LoopInput, "sessionKey" | "agent" | "model" | "history">,
  messages: readonly ModelMessage[],
  bounds: Bounds & { focus?: string | undefined },
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Shorter | undefined> {
  yield { type: "progress", text: "The conversation is made shorter, so that it fits its model." };
  const shortening = shortened(ctx, { sessionKey, agent, model, messages, ...bounds }, signal);
  let step = await shortening.next();
  for (; !step.done; step = await shortening.next()) yield { type: "progress", text: step.value };
  if (step.value === undefined) return undefined;
  const { summary, from, made, before } = step.value;
  // The question that this turn answers stays as it was asked.
  const asked = messages.findLastIndex((message) => message.role === "user" && earlierIn(message) === undefined);
  const question = asked >= 0 && asked < from ? messages.slice(asked, asked + 1) : [];
  const own = question.length > 0 && charsIn(question) <= bounds.keepTokens * QUESTION ? question : [];
  const shorter = [summaryMessage(summary), ...own, ...messages.slice(from)];
  // A cut within what this turn said itself is the turn's own: the transcript has no place for it yet.
  const kept = from < history.length && messages[history.length - 1] === history.at(-1) ? { kept: history.length - from } : {};
  const told = { before, after: tokensIn(shorter), ...(made === undefined ? {} : { made }), ...kept };
  return { messages: shorter, told: { type: "compaction", summary, ...told } };
}
