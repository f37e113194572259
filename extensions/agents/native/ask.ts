import { errorInfo, PlinthError, type TurnEvent, textOf } from "@plinth/sdk";
import { Answer } from "./answer.ts";
import type { Limits, LoopParts, ModelRequest } from "./loop.ts";

/** A server that wants a longer wait is not waited for. */
const MAX_WAIT_MS = 60_000;
/** Retried also where a provider does not say so. */
const RETRIED = new Set(["PLINTH_MODEL_RATE", "PLINTH_MODEL_OVERLOADED", "PLINTH_MODEL_SERVER", "PLINTH_MODEL_NETWORK"]);

/** One model call: deltas pass through as they are, the whole answer is returned. */
export async function* ask(
  model: string,
  request: ModelRequest,
  parts: LoopParts,
  limits: Limits,
  callIds: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Answer> {
  for (let attempt = 0; ; attempt++) {
    const choice = await parts.choose(model);
    const answer = new Answer(choice.name, choice.maker, callIds);
    try {
      for await (const event of parts.stream(choice, request, signal)) {
        const shown = answer.take(event);
        if (shown !== undefined) yield shown;
      }
      if (answer.reason === undefined) throw cut(choice.name);
      if (answer.reason === "filter" && textOf(answer.content) === "" && answer.calls.length === 0) throw withheld(choice.name);
      if (answer.reason === "refusal" && textOf(answer.content) === "") {
        const shown = answer.refused(`${choice.name} declined to answer.`);
        if (shown !== undefined) yield shown;
      }
      return answer;
    } catch (error) {
      parts.failed();
      const { code, message, retryable = RETRIED.has(code), retryAfterMs = 0 } = errorInfo(error);
      const again = !answer.spoke && !signal.aborted && attempt < limits.retries && retryable && code.startsWith("PLINTH_MODEL_");
      if (!again || retryAfterMs > MAX_WAIT_MS) throw error;
      // Half of the wait is chance, so that many turns that failed together do not come back together.
      const wait = limits.retryBaseMs * 2 ** attempt * (0.5 + Math.random() / 2);
      yield { type: "progress", text: `${message} Trying again.` };
      await parts.sleep(Math.max(wait, retryAfterMs), signal);
    }
  }
}

function cut(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_STREAM", `The answer of ${model} stopped before its end.`, { next: "Send the message again." });
}

function withheld(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_FILTER", `${model} withheld its answer because of its own content rules.`, {
    next: "Say it differently, or choose another model.",
  });
}
