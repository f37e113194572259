import { type Context, type ModelMessage, PlinthError, textOf, toolCallsOf, toolResultsOf } from "../../extension/index.ts";
import { earlierIn, summaryMessage } from "./summary.ts";
import { tokensIn } from "./weight.ts";

export interface ToShorten {
  readonly sessionKey: string;
  readonly agent?: string | undefined;
  /** That of the conversation. */
  readonly model?: string | undefined;
  readonly messages: readonly ModelMessage[];
  /** The model's context, where it is known. */
  readonly limitTokens?: number | undefined;
  /** So much of the end stays as it was said. */
  readonly keepTokens: number;
  readonly summaryTokens: number;
  /** What is to be kept above all. */
  readonly focus?: string | undefined;
}

export interface Shortened {
  readonly summary: string;
  /** Who wrote it. */
  readonly made?: "model" | "rules";
  /** Which message is the first that stays. */
  readonly from: number;
  readonly messages: ModelMessage[];
  /** Tokens, about. */
  readonly before: number;
  readonly after: number;
}

/**
 * A conversation made short by whoever does that here: one that the owner chose goes before the product's own. Yields how far it is.
 *
 * @returns undefined: nobody here does that
 * @throws PLINTH_COMPACT_SHORT, PLINTH_COMPACT_FAILED, with the conversation as it was
 */
export async function* shortened(
  ctx: Pick<Context, "use" | "lower">,
  { messages, agent, model, limitTokens, focus, ...bounds }: ToShorten,
  signal: AbortSignal,
): AsyncGenerator<string, Shortened | undefined> {
  const all = await ctx.use("plinth.compactor").list();
  const chosen = all.find(({ trusted }) => !trusted) ?? all[0];
  if (chosen === undefined) return undefined;
  const earlier = earlierIn(messages[0]);
  const first = earlier === undefined ? 0 : 1;
  const history = messages.map((message, at) => ({ id: `m${at}`, message, tokens: tokensIn([message]) })).slice(first);
  if (history.length === 0) throw new PlinthError("PLINTH_COMPACT_SHORT", "There is nothing to make shorter.", { extension: chosen.extension });
  const asked = {
    ...bounds,
    history,
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(limitTokens === undefined ? {} : { limitTokens }),
    ...(focus === undefined ? {} : { focus }),
    ...(earlier === undefined ? {} : { before: [{ type: "text" as const, text: earlier }] }),
  };
  let found: { text: string; firstKept: string | null; made?: "model" | "rules" } | undefined;
  for await (const item of ctx.use("plinth.compactor").get(chosen.id).compact(asked, { signal })) {
    if (item.type === "progress" && item.text !== undefined) yield item.text;
    if (item.type === "summary")
      found = { text: textOf(item.content), firstKept: item.firstKept, ...(item.made === undefined ? {} : { made: item.made }) };
  }
  if (found === undefined || found.text.trim() === "") throw failed(chosen.extension, "no summary came");
  if (!chosen.trusted) await ctx.lower(chosen.extension, "summed up this conversation");
  const { text, firstKept, ...rest } = found;
  const from = firstKept === null ? messages.length : history.findIndex(({ id }) => id === firstKept) + first;
  if (from <= first || splits(messages, from)) throw failed(chosen.extension, "what it keeps is no end of the conversation");
  const shorter = [summaryMessage(text), ...messages.slice(from)];
  const [before, after] = [tokensIn(messages), tokensIn(shorter)];
  if (after >= before) throw failed(chosen.extension, "the summary is longer than what it stands for", "PLINTH_COMPACT_SHORT");
  return { summary: text, ...rest, from, messages: shorter, before, after };
}

/** A cut there leaves results without their calls. */
function splits(messages: readonly ModelMessage[], from: number): boolean {
  const calls = new Set(messages.slice(from).flatMap(({ content }) => toolCallsOf(content).map(({ id }) => id)));
  return messages.slice(from).some(({ content }) => toolResultsOf(content).some(({ callId }) => !calls.has(callId)));
}

const failed = (extension: string, why: string, code = "PLINTH_COMPACT_FAILED"): PlinthError =>
  new PlinthError(code, `The conversation could not be made shorter: ${why}.`, { extension, next: "Start a new conversation." });
