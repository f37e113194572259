import { type ModelEvent, type ModelMessage, PlinthError, textOf } from "@plinth/sdk";

export const MODELS = [{ id: "echo", contextTokens: 8192 }] as const;

/** Say the newest message again, word by word. A real provider sends the request with ctx.fetch and reads its stream. */
export async function* complete(request: { model: string; messages: ModelMessage[] }, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  if (!MODELS.some(({ id }) => id === request.model)) {
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `There is no model ${JSON.stringify(request.model.slice(0, 100))}.`, {
      next: `Use ${MODELS.map(({ id }) => id).join(", ")}.`,
    });
  }
  const text = textOf(request.messages.at(-1)?.content ?? []) || "…";
  const words = text.match(/\S+\s*/g) ?? [text];
  for (const delta of words) {
    signal.throwIfAborted();
    yield { type: "text", delta };
  }
  yield { type: "usage", usage: { inputTokens: words.length, outputTokens: words.length } };
  yield { type: "end", reason: "stop" };
}
