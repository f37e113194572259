import { errorInfo, type ModelMessage, type TurnEvent } from "@plinth/sdk";
import { charsIn } from "@plinth/sdk/kits/conversation";
import type { LoopParts } from "./loop.ts";
import type { ModelRequest } from "./model-request.ts";
import { project, prunable, squeeze } from "./pruning.ts";

type Parts = Pick<LoopParts, "compact" | "limit" | "room">;

/** One result of a tool takes at most so much of what is for messages, where it would not fit otherwise. */
const RESULT_SHARE = 0.3;
/** Pruning has to save so much of the room: a server reads anew what was changed. */
const WORTH = 0.1;

/**
 * In place, before a model is asked: where the conversation comes near to what its model takes, old results of tools are pruned, and
 * where that is not enough it is made short. What cannot be made to fit is sent as it is: the server has the last word.
 */
export async function* fitted(request: ModelRequest, { room, limit, compact }: Parts, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
  const { messages } = request;
  if (room.limitTokens === undefined && !room.unknown) room.knows(await limit(signal));
  if (!room.near(request)) return;
  const most = room.mostChars(request);
  const over = charsIn(messages) - most;
  const pruned = room.due || over === Number.NEGATIVE_INFINITY ? undefined : prunable(messages, over + most * WORTH);
  if (pruned !== undefined) {
    for (const key of pruned) room.pruned.add(key);
    return project(messages, pruned);
  }
  let shorter = false;
  try {
    shorter = yield* shortenIn(messages, compact(messages, room.bounds(request), signal));
  } catch (thrown) {
    if (signal.aborted) throw thrown;
  }
  if (charsIn(messages) > most) squeeze(messages, most * RESULT_SHARE);
  room.settled(messages, shorter);
}

/**
 * In place, after its server refused it: made short, and where that cannot be, without the middle of long results.
 *
 * @param short whether it may be made short; a second time the server would refuse it again
 * @returns undefined: it is shorter now; else why it is not
 */
export async function* fittedAgain(
  request: ModelRequest,
  { room, compact }: Parts,
  short: boolean,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent, string | undefined> {
  const { messages } = request;
  let why = "It is too long also after it was made shorter.";
  if (short) {
    try {
      if (yield* shortenIn(messages, compact(messages, room.bounds(request), signal))) {
        room.settled(messages, true);
        return undefined;
      }
      why = "Nothing here makes conversations shorter.";
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      why = errorInfo(thrown).message;
    }
  }
  return squeeze(messages, room.mostChars(request) * RESULT_SHARE) ? undefined : why;
}

async function* shortenIn(messages: ModelMessage[], compacting: ReturnType<LoopParts["compact"]>): AsyncGenerator<TurnEvent, boolean> {
  const shorter = yield* compacting;
  if (shorter === undefined) return false;
  messages.splice(0, messages.length, ...shorter.messages);
  yield shorter.told;
  return true;
}
