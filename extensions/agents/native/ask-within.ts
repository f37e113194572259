import { errorInfo, PlinthError, type TurnEvent } from "@plinth/sdk";
import type { Answer } from "./answer.ts";
import { ask } from "./ask.ts";
import { fitted, fittedAgain } from "./fitting.ts";
import type { LoopParts } from "./loop.ts";
import type { ModelRequest } from "./model-request.ts";
import { project } from "./pruning.ts";
import { isOverflow } from "./room.ts";

type Parts = Pick<LoopParts, "stream" | "compact" | "limit" | "room">;

const MOST_REFUSALS = 4;
const STILL = "It is too long also after it was made shorter.";

/**
 * One model call. Where the conversation comes near to its model's context it is made shorter before, in place, and where its server
 * refuses it as too long, after; tools that ran are not run again. Nothing is asked twice as it is.
 */
export async function* askWithin(
  model: string,
  request: ModelRequest,
  parts: Parts,
  callIds: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, Answer> {
  const { room } = parts;
  project(request.messages, room.pruned);
  if (room.near(request)) yield* fitted(request, parts, signal);
  for (let refusals = 0; ; ) {
    let spoke = false;
    let overflow: unknown;
    try {
      const asked = ask(model, request, parts, callIds, signal);
      for (;;) {
        const step = await asked.next();
        if (step.done) {
          room.counted(request, step.value.usage);
          return step.value;
        }
        spoke ||= step.value.type !== "progress" && step.value.type !== "warning";
        yield step.value;
      }
    } catch (thrown) {
      if (spoke || signal.aborted || !isOverflow(thrown)) throw thrown;
      overflow = thrown;
    }
    const said = room.refused(request, overflow);
    // A server that does not say how much fits may take less than was thought once more.
    const short = refusals === 0 || !said;
    if (++refusals > MOST_REFUSALS) throw tooLong(overflow, STILL);
    const why = yield* fittedAgain(request, parts, short, signal);
    if (why !== undefined) throw tooLong(overflow, why);
  }
}

/** The end of a turn whose conversation does not fit, whatever was tried. */
function tooLong(thrown: unknown, why: string): PlinthError {
  const { code, message, extension, next = "Start a new conversation, or use a model with a larger context." } = errorInfo(thrown);
  return new PlinthError(code, `${message} ${why}`.slice(0, 2_000), { extension, next, cause: thrown, details: { retryable: false } });
}
