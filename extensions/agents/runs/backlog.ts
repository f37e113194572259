import { type ContentPart, type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { dropped, line, told } from "./dropped.ts";
import type { QueueSettings } from "./queue-settings.ts";
import type { Run } from "./run.ts";
import { samePlace } from "./same-person.ts";
import type { Waiting } from "./waiting.ts";

/** In one turn: the store takes a hundred with a claim. */
const MAX_JOINED = 50;

interface Turns {
  /** All that are not over, in the order in which they came. */
  runs(): Iterable<Run>;
  /** A message of the same person that sums up others. */
  sumUp(run: Run): Run;
}

/** What waits: it is answered together where that is wanted, and where too much waits something of it goes. */
export class Backlog {
  readonly #ctx: Context;
  readonly #turns: Turns;
  readonly #waiting: Waiting;

  constructor(ctx: Context, turns: Turns, waiting: Waiting) {
    this.#ctx = ctx;
    this.#turns = turns;
    this.#waiting = waiting;
  }

  /** What waits for its moment waits no longer. */
  flush(sessionKey: string): void {
    for (const one of this.#turns.runs()) if (one.sessionKey === sessionKey) one.pause?.flush();
  }

  /** True where it will have no turn of its own: it is answered in another one's, or it is dropped. */
  async add(run: Run, content: ContentPart[], { mode, cap, drop }: QueueSettings): Promise<boolean> {
    const mine = [...this.#turns.runs()].filter(
      (one) => one !== run && one.waits && !one.over && !one.signal.aborted && one.sessionKey === run.sessionKey && samePlace(one, run),
    );
    const waiting = mine.filter((one) => one.startedAt === undefined && !one.sumsUp);
    run.said = content;
    let count = waiting.reduce((sum, { said, joining }) => sum + (said === undefined ? 0 : 1) + joining.length, 0);
    if (count >= cap && drop === "new") {
      await this.#note(run, run.id, content, drop);
      run.emit({ type: "text", delta: told(cap, drop) });
      run.emit(dropped(told(cap, drop)));
      return true;
    }
    const notes: Promise<void>[] = [];
    for (const oldest of waiting)
      for (; count >= cap && oldest.joining.length + (oldest.said === undefined ? 0 : 1) > 0; count--) notes.push(this.#drop(run, oldest, cap, drop));
    const joined = this.#join(run, content, mode === "collect", waiting);
    if (!joined) run.waits = true;
    await Promise.all(notes);
    return joined;
  }

  /** One turn for messages of one person that wait together. The first one's turn answers them all. */
  #join(run: Run, content: ContentPart[], collects: boolean, waiting: Run[]): boolean {
    const text = content.every(({ type }) => type === "text");
    for (const other of waiting) {
      const open = (collects && other.collects) || other.pause?.open === true;
      if (!open || other.signal.aborted || run.together === undefined || other.together !== run.together || other.joining.length >= MAX_JOINED)
        continue;
      run.joined = other.id;
      other.joining.push({ runId: run.id, kept: run.kept, content });
      if (text) other.pause?.extend();
      else other.pause?.flush();
      const message = `It is answered together with others, by the run ${other.id}.`;
      run.emit({ type: "end", status: "ok", text: "", error: { code: "PLINTH_MESSAGE_COLLECTED", message } });
      return true;
    }
    run.collects = collects;
    return false;
  }

  /** The oldest message of those that a waiting run answers. */
  #drop(run: Run, oldest: Run, cap: number, drop: "old" | "new" | "summarize"): Promise<void> {
    const into = drop === "summarize" ? this.#summary(run) : undefined;
    const own = oldest.said;
    const joined = own === undefined ? oldest.joining.shift() : undefined;
    const gone = joined ?? { runId: oldest.id, kept: oldest.kept, content: own ?? [] };
    oldest.said = undefined;
    const kept = into?.sum(gone.runId, gone.kept, line(gone.content)) === true;
    oldest.kept &&= joined !== undefined;
    if (gone.kept && !kept) void this.#waiting.withdraw(gone.runId).catch(() => {});
    // It has nothing else to answer, or goes on without that one.
    if (oldest.joining.length === 0) oldest.abort(new PlinthError("PLINTH_MESSAGE_DROPPED", told(cap, drop)));
    else oldest.emit({ type: "warning", code: "PLINTH_MESSAGE_DROPPED", message: `${told(cap, drop)} It began: ${line(gone.content)}` });
    return this.#note(run, gone.runId, gone.content, drop);
  }

  #summary(run: Run): Run {
    for (const one of this.#turns.runs()) {
      if (one.sumsUp && one.collects && !one.over && !one.signal.aborted && one.sessionKey === run.sessionKey && samePlace(one, run)) return one;
    }
    return this.#turns.sumUp(run);
  }

  /** It was said, and not answered: so it stands in the transcript, as work of whoever said it. */
  async #note(run: Run, runId: string, content: ContentPart[], drop: string): Promise<void> {
    const body = { kind: "custom" as const, type: "message-dropped", data: { runId, drop, content } };
    const store = this.#ctx.use("plinth.session-store").one();
    await run
      .within(this.#ctx, async () => {
        for (const { party, how } of run.origin?.influences ?? []) await this.#ctx.lower(party, how);
        await store.append({ key: run.sessionKey, bodies: [body] });
      })
      .catch((error: unknown) => this.#ctx.log.warn("A dropped message could not be noted.", { runId, ...errorInfo(error) }));
  }
}
