import type { TurnEvent } from "@plinth/sdk";
import type { Harness } from "./harness-content.ts";
import type { Body } from "./transcript-writer.ts";

/**
 * What the transcript keeps of a conversation that was made short while a turn ran, so that the next turn begins with the summary;
 * undefined: nothing. Only the product's own harness hides what was said: another's summary is for its turn alone.
 *
 * @param ids of the entries of the history's messages, in their order
 */
export function compactionBody(event: TurnEvent, ids: readonly (string | undefined)[], { trusted }: Pick<Harness, "trusted">): Body | undefined {
  if (event.type !== "compaction" || !trusted || !event.summary || !event.kept) return undefined;
  const firstKept = ids.at(-event.kept);
  return event.kept > ids.length || firstKept === undefined ? undefined : { kind: "compaction", summary: event.summary, firstKept };
}
