import { PlinthError, type TurnEvent, textOf } from "@plinth/sdk";
import { Answer } from "./answer.ts";
import type { LoopParts } from "./loop.ts";
import type { ModelRequest } from "./model-request.ts";

/** One model call: deltas pass through as they are, the whole answer is returned. */
export async function* ask(
  model: string,
  request: ModelRequest,
  { stream, room }: Pick<LoopParts, "stream" | "room">,
  callIds: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Answer> {
  let answer = new Answer(model, "", callIds);
  let waits = "";
  for await (const event of stream(model, request, signal)) {
    if (event.type === "model") {
      // Whoever was asked before has said nothing.
      answer = new Answer(event.name, event.maker, callIds);
      room.asked(event.name, event.info?.contextTokens);
    } else if (event.type === "waiting") {
      if (event.message !== waits) yield { type: "progress", text: event.message };
      waits = event.message;
    } else if (event.type === "again") {
      yield { type: "progress", text: `${event.message} Trying again.` };
    } else {
      const shown = answer.take(event);
      if (shown !== undefined) yield shown;
    }
  }
  const { reason, content, calls } = answer;
  if (reason === undefined) throw cut(answer.model);
  if (reason === "filter" && textOf(content) === "" && calls.length === 0) throw withheld(answer.model);
  if (reason === "refusal" && textOf(content) === "") {
    const shown = answer.refused(`${answer.model} declined to answer.`);
    if (shown !== undefined) yield shown;
  }
  return answer;
}

function cut(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_STREAM", `The answer of ${model} stopped before its end.`, { next: "Send the message again." });
}

function withheld(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_FILTER", `${model} withheld its answer because of its own content rules.`, {
    next: "Say it differently, or choose another model.",
  });
}
