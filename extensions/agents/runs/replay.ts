import { PlinthError, type TranscriptEntry, type TurnEvent } from "@plinth/sdk";

/** The end of a run that an earlier process has run, from its transcript; undefined when there was none. */
export function storedEnd(entries: readonly TranscriptEntry[], runId: string): Extract<TurnEvent, { type: "end" }> | undefined {
  const bodies = entries.filter((entry) => entry.runId === runId).map(({ body }) => body);
  const end = bodies.findLast((body) => body.kind === "run-end");
  if (end === undefined) return undefined;
  const answer = bodies.findLast((body) => body.kind === "message" && body.message.role === "assistant" && !body.message.toolCalls?.length);
  const text = end.status === "ok" && answer?.kind === "message" && answer.message.role === "assistant" ? answer.message.text : "";
  const model = end.model === undefined ? {} : { model: end.model };
  if (end.status === "interrupted") {
    const { code, message, next } = new PlinthError("PLINTH_RUN_INTERRUPTED", "The host stopped before this turn was finished.", {
      next: "Send the message again under a new run id.",
    });
    return { type: "end", status: "error", text, ...model, error: { code, message, ...(next ? { next } : {}) } };
  }
  return { type: "end", status: end.status, text, ...model, ...(end.error ? { error: end.error } : {}) };
}
