import type { TurnEvent } from "@plinth/sdk";

const MAX_CHARS = 32_768;
/** What an event costs beside its text. */
const OVERHEAD = 128;
const OTHERS: ReadonlySet<string> = new Set(["part", "plan", "diff", "terminal", "compaction"]);

/**
 * What a finished run keeps for those who ask for it again: deltas as whole texts, no progress; only the start and the
 * end when the rest is large. (The end has the whole answer.)
 */
export function condense(events: readonly TurnEvent[]): { events: TurnEvent[]; size: number } {
  const kept: TurnEvent[] = [];
  let size = 0;
  for (let at = 0; at < events.length; at++) {
    const event = events[at]!;
    // What was asked has its own history; nothing can be answered here any more.
    if (event.type === "progress" || event.type === "tool-output" || event.type === "interaction") continue;
    size += OVERHEAD;
    if (event.type === "text" || event.type === "reasoning") {
      const deltas = [event.delta];
      for (let next = events[at + 1]; next?.type === event.type; next = events[at + 1]) {
        deltas.push(next.delta);
        at++;
      }
      const delta = deltas.join("");
      size += delta.length;
      kept.push({ type: event.type, delta });
      continue;
    }
    if (event.type === "end") size += event.text.length + (event.content === undefined ? 0 : JSON.stringify(event.content).length);
    if (event.type === "tool-start") size += JSON.stringify(event.args).length;
    if (event.type === "tool-end") size += JSON.stringify(event.result.content).length;
    if (OTHERS.has(event.type)) size += JSON.stringify(event).length;
    kept.push(event);
  }
  if (size <= MAX_CHARS) return { events: kept, size };
  const edges = kept.filter(({ type }) => type === "start" || type === "end");
  const end = edges.at(-1);
  const said = end?.type === "end" ? JSON.stringify(end.content ?? "").length + end.text.length : 0;
  return { events: edges, size: OVERHEAD + said };
}
