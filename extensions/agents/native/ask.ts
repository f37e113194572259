import { errorInfo, PlinthError, type TurnEvent, type Usage } from "@plinth/sdk";
import type { Limits, LoopParts, ModelRequest } from "./loop.ts";
import type { ToolCall } from "./tool-round.ts";

interface Answer {
  text: string;
  toolCalls: ToolCall[];
  usage: Usage;
  /** provider/model */
  model: string;
}

const retryable = new Set(["PLINTH_MODEL_RATE", "PLINTH_MODEL_SERVER"]);

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
    const answer: Answer = { text: "", toolCalls: [], usage: { inputTokens: 0, outputTokens: 0 }, model: choice.name };
    let reason: string | undefined;
    let spoke = false;
    try {
      for await (const event of parts.stream(choice, request, signal)) {
        switch (event.type) {
          case "text":
            answer.text += event.delta;
            spoke = true;
            yield event;
            break;
          case "thinking":
            spoke = true;
            yield event;
            break;
          case "tool-call":
            spoke = true;
            answer.toolCalls.push(withOwnId(event.call, callIds));
            break;
          case "usage":
            answer.usage = event.usage;
            break;
          case "end":
            reason = event.reason;
        }
      }
      if (reason === undefined) throw cut(choice.name);
      if (reason === "filter" && answer.text === "" && answer.toolCalls.length === 0) throw withheld(choice.name);
      return answer;
    } catch (error) {
      parts.failed();
      const again = !spoke && !signal.aborted && attempt < limits.retries && retryable.has(errorInfo(error).code);
      if (!again) throw error;
      // Half of the wait is chance, so that many turns that failed together do not come back together.
      const wait = limits.retryBaseMs * 2 ** attempt * (0.5 + Math.random() / 2);
      yield { type: "progress", text: `${errorInfo(error).message} Trying again.` };
      await parts.sleep(wait, signal);
    }
  }
}

/** Some models call every call `call_0`; a transcript needs one id for one call. */
function withOwnId(call: ToolCall, taken: Set<string>): ToolCall {
  const name = call.id || "call";
  let id = name;
  for (let n = 2; taken.has(id); n++) id = `${name}-${n}`;
  taken.add(id);
  return id === call.id ? call : { ...call, id };
}

function cut(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_STREAM", `The answer of ${model} stopped before its end.`, { next: "Send the message again." });
}

function withheld(model: string): PlinthError {
  return new PlinthError("PLINTH_MODEL_FILTER", `${model} withheld its answer because of its own content rules.`, {
    next: "Say it differently, or choose another model.",
  });
}
