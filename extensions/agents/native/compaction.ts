import { type Context, errorInfo, type ModelMessage, PlinthError, type TurnEvent, textOf, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import type { LoopInput, Shorter } from "./loop.ts";

type Parts = Pick<Context, "use" | "lower">;

/** Of the model's context, what stays as it was said, and what the summary may take. */
const KEPT = 0.3;
const SUMMARY = 0.1;
const MOST_SUMMARY = 4_096;
/** A rough count, where nobody counted: of English text, and not too few for others. */
const CHARS_A_TOKEN = 3;

/**
 * What is said so far, made short by whoever does that here: one that the owner chose goes before the product's own.
 *
 * @param limitTokens the model's context, where its server said it
 * @returns undefined: nobody here does that
 * @throws PLINTH_COMPACT_SHORT, PLINTH_COMPACT_FAILED, with the conversation as it was
 */
export async function* compacted(
  ctx: Parts,
  { sessionKey, agent, model, history }: LoopInput,
  messages: readonly ModelMessage[],
  limitTokens: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Shorter | undefined> {
  const all = await ctx.use("plinth.compactor").list();
  const chosen = all.find(({ trusted }) => !trusted) ?? all[0];
  if (chosen === undefined) return undefined;
  const entries = messages.map((message, at) => ({ id: `m${at}`, message, tokens: tokensOf([message]) }));
  const before = tokensOf(messages);
  const limit = limitTokens ?? Math.ceil(before / 2);
  yield { type: "progress", text: "The conversation is longer than the model's context; it is made shorter." };
  const asked = {
    ...{ sessionKey, model, history: entries, keepTokens: Math.floor(limit * KEPT) },
    summaryTokens: Math.max(16, Math.min(MOST_SUMMARY, Math.floor(limit * SUMMARY))),
    ...(agent === undefined ? {} : { agent }),
  };
  let found: { text: string; firstKept: string | null } | undefined;
  for await (const item of ctx.use("plinth.compactor").get(chosen.id).compact(asked, { signal })) {
    if (item.type === "progress" && item.text !== undefined) yield { type: "progress", text: item.text };
    if (item.type === "summary") found = { text: textOf(item.content), firstKept: item.firstKept };
  }
  if (found === undefined || found.text.trim() === "") throw failed(chosen.extension, "no summary came");
  if (!chosen.trusted) await ctx.lower(chosen.extension, "summed up this conversation");
  const from = found.firstKept === null ? messages.length : entries.findIndex(({ id }) => id === found.firstKept);
  if (from < 1 || parts(messages, from)) throw failed(chosen.extension, "what it keeps is no end of the conversation");
  const summary: ModelMessage = { role: "user", content: [{ type: "text", text: `The conversation so far, summed up:\n\n${found.text}` }] };
  const shorter = [summary, ...messages.slice(from)];
  const after = tokensOf(shorter);
  if (after >= before) throw failed(chosen.extension, "the summary is longer than what it stands for");
  // A cut within what this turn said itself is the turn's own: the transcript has no place for it yet.
  const kept = from < history.length && messages[history.length - 1] === history.at(-1) ? { kept: history.length - from } : {};
  return { messages: shorter, told: { type: "compaction", summary: found.text, before, after, ...kept } };
}

/** A cut there leaves results without their calls. */
function parts(messages: readonly ModelMessage[], from: number): boolean {
  const calls = new Set(messages.slice(from).flatMap(({ content }) => toolCallsOf(content).map(({ id }) => id)));
  return messages.slice(from).some(({ content }) => toolResultsOf(content).some(({ callId }) => !calls.has(callId)));
}

function tokensOf(messages: readonly ModelMessage[]): number {
  let chars = 0;
  for (const { content } of messages)
    chars += JSON.stringify(content, (name, value) => (name === "base64" || name === "opaque" ? undefined : value)).length;
  return Math.ceil(chars / CHARS_A_TOKEN);
}

const failed = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_COMPACT_FAILED", `The conversation could not be made shorter: ${why}.`, { extension, next: "Start a new conversation." });

/** What the server said of its model's context; it stays on this side of a tier, so that it may be absent. */
export function limitIn(thrown: unknown): number | undefined {
  const { limitTokens } = ((thrown as { details?: unknown } | null)?.details ?? {}) as { limitTokens?: unknown };
  return typeof limitTokens === "number" && Number.isInteger(limitTokens) && limitTokens >= 256 ? limitTokens : undefined;
}

/** The end of a turn whose conversation does not fit, whatever was tried. */
export function tooLong(thrown: unknown, why: string): PlinthError {
  const { code, message, extension, next = "Start a new conversation, or use a model with a larger context." } = errorInfo(thrown);
  return new PlinthError(code, `${message} ${why}`.slice(0, 2_000), { extension, next, cause: thrown, details: { retryable: false } });
}
