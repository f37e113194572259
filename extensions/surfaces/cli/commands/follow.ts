import { PlinthError } from "@plinth/sdk";
import { plain } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";
import { defaultSession, entryText } from "./sessions.ts";
import { TurnView } from "./turn-view.ts";

type Items = ReturnType<ReturnType<typeof turnsOf>["follow"]>;

/** `sessions follow`: what happens in a conversation, whoever talks in it, until it is stopped; or one run until its end. */
export const sessionsFollow: OwnCommand = async (run) => {
  if (run.terminal.local) {
    throw new PlinthError("PLINTH_NO_GATEWAY", "No gateway of this home is running, so nothing happens that could be watched.", {
      next: "Start it: plinth gateway run. What was said, plinth sessions show tells.",
    });
  }
  const [runId, after] = [run.option("run"), run.option("after")];
  const target = runId === undefined ? { sessionKey: run.arg("session") ?? (await defaultSession(run)) } : { runId };
  if (!run.terminal.json) await run.err(`${run.paint.dim(`following ${plain(runId ?? target.sessionKey ?? "")}`)}\n`);
  const items = turnsOf(run).follow({ ...target, ...(after === undefined ? {} : { after }) }, { signal: run.signal });
  if (run.terminal.json) for await (const item of items) await run.result(item);
  else await shown(run, items);
};

async function shown(run: Run, items: Items): Promise<void> {
  const views = new Map<string, TurnView>();
  /** Runs whose message was not shown yet: it is in the transcript once the turn has begun. */
  const begun = new Set<string>();
  try {
    for await (const { sessionKey, runId, event } of items) {
      const view = views.get(runId) ?? new TurnView(run);
      views.set(runId, view);
      if (event.type === "start") begun.add(runId);
      else if (begun.delete(runId)) await message(run, sessionKey, runId);
      await view.follow(event);
      if (event.type !== "end") continue;
      await view.finish();
      if (event.status !== "ok") await run.err(`${plain(`${event.status}${event.error ? `: ${event.error.code} ${event.error.message}` : ""}`)}\n`);
      await run.out("\n");
      await view.close();
      views.delete(runId);
    }
  } finally {
    for (const view of views.values()) await view.close();
  }
}

async function message(run: Run, key: string, runId: string): Promise<void> {
  const { entries } = await run.ctx.use("plinth.session-store").one().history({ key, limit: 50 });
  const said = entries.find((one) => one.runId === runId && one.body.kind === "message" && one.body.message.role === "user");
  if (said !== undefined) await run.out(entryText(run, said));
}

const turnsOf = (run: Run) => run.ctx.use("plinth.turns").one();
