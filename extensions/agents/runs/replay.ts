import { type MessageOrigin, type ModelMessage, PlinthError, partsFor, type TranscriptEntry, type TurnEvent, textOf } from "@plinth/sdk";
import { storedOrigin } from "./origin-note.ts";

/** The end of a run that an earlier process has run, from its transcript; undefined when there was none. */
export function storedEnd(entries: readonly TranscriptEntry[], runId: string): Extract<TurnEvent, { type: "end" }> | undefined {
  const own = entries.filter((entry) => entry.runId === runId);
  const bodies = own.map(({ body }) => body);
  const end = bodies.findLast((body) => body.kind === "run-end");
  if (end === undefined) return undefined;
  const answer = end.status === "ok" ? bodies.findLast((body) => body.kind === "message" && isAnswer(body.message)) : undefined;
  const content = answer?.kind === "message" ? partsFor(answer.message.content, undefined) : [];
  const text = textOf(content);
  // Whoever had a hand in it while it ran has one in what is told of it now.
  const { origin } = noteOf(own);
  const model = { ...(end.model === undefined ? {} : { model: end.model }), ...(origin === undefined ? {} : { origin }) };
  if (end.status === "interrupted") {
    const { code, message, next } = new PlinthError("PLINTH_RUN_INTERRUPTED", "The host stopped before this turn was finished.", {
      next: "Send the message again under a new run id.",
    });
    return { type: "end", status: "error", text, ...model, error: { code, message, ...(next ? { next } : {}) } };
  }
  const more = content.some(({ type }) => type !== "text") ? { content } : {};
  return { type: "end", status: end.status, text, ...more, ...model, ...(end.error ? { error: end.error } : {}) };
}

const isAnswer = ({ role, content }: ModelMessage): boolean => role === "assistant" && !content.some(({ type }) => type === "tool-call");

function noteOf(entries: readonly TranscriptEntry[]): { origin?: MessageOrigin } {
  const notes = entries.flatMap((entry) => storedOrigin(entry) ?? []);
  const whose = notes.find(({ by }) => by === "guest") ?? notes.find(({ by }) => by === "owner");
  const influences = [...new Map(notes.flatMap((one) => (one.influences ?? []).map((hand) => [hand.party, hand] as const))).values()];
  if (whose === undefined && influences.length === 0) return {};
  const { by, via } = whose ?? { by: "owner" as const, via: undefined };
  return { origin: { by, ...(via === undefined ? {} : { via }), ...(influences.length === 0 ? {} : { influences }) } };
}
