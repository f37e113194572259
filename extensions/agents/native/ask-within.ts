import { errorInfo, type TurnEvent } from "@plinth/sdk";
import type { Answer } from "./answer.ts";
import { ask } from "./ask.ts";
import { limitIn, tooLong } from "./compaction.ts";
import type { LoopParts, ModelRequest } from "./loop.ts";

/**
 * One model call. Where the conversation is longer than the model's context it is made shorter once, in place, and asked for once
 * more: tools that ran are not run again. Nothing is asked twice as it is.
 */
export async function* askWithin(
  model: string,
  request: ModelRequest,
  parts: Pick<LoopParts, "stream" | "compact">,
  callIds: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Answer> {
  let overflow: unknown;
  let spoke = false;
  try {
    const asked = ask(model, request, parts, callIds, signal);
    for (;;) {
      const step = await asked.next();
      if (step.done) return step.value;
      spoke ||= step.value.type !== "progress" && step.value.type !== "warning";
      yield step.value;
    }
  } catch (thrown) {
    if (spoke || signal.aborted || errorInfo(thrown).code !== "PLINTH_MODEL_CONTEXT") throw thrown;
    overflow = thrown;
  }
  const shorter = yield* within(parts.compact(request.messages, limitIn(overflow), signal), overflow, signal);
  request.messages.splice(0, request.messages.length, ...shorter.messages);
  yield shorter.told;
  try {
    return yield* ask(model, request, parts, callIds, signal);
  } catch (thrown) {
    if (errorInfo(thrown).code !== "PLINTH_MODEL_CONTEXT") throw thrown;
    throw tooLong(thrown, "It is too long also after it was made shorter.");
  }
}

async function* within(compacting: ReturnType<LoopParts["compact"]>, overflow: unknown, signal: AbortSignal) {
  try {
    const shorter = yield* compacting;
    if (shorter !== undefined) return shorter;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw tooLong(overflow, errorInfo(thrown).message);
  }
  throw tooLong(overflow, "Nothing here makes conversations shorter.");
}
