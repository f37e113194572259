import { randomUUID } from "node:crypto";
import { type InteractionRequest, PlinthError } from "@plinth/sdk";
import { plain } from "../table.ts";
import { canAnswer } from "./approval.ts";
import type { OwnCommand, Run } from "./command.ts";
import { TurnView } from "./turn-view.ts";

const MODES = ["followup", "collect", "interrupt", "steer"] as const;
/** Of a command that waits for a yes and has no terminal to ask for it. */
const UNCONFIRMED = 3;

/** One message and its whole turn: the answer on standard output, what the tools did on standard error. */
export const agent: OwnCommand = async (run) => {
  const text = run.option("message")?.trim();
  if (!text) throw new PlinthError("PLINTH_USAGE", "The message is empty.", { next: 'Say something: plinth agent -m "Hello".' });
  const detach = run.options.detach === true;
  if (detach && run.terminal.local) throw noGateway();
  // Who answers elsewhere is not waited for, and the turn is not ended because of that.
  const leaves = detach || (!run.terminal.local && run.options.wait !== true && !canAnswer(run.terminal));
  const turns = run.ctx.use("plinth.turns").one();
  const input = { text, surface: "cli", runId: run.option("run") ?? randomUUID(), detached: leaves, ...(await chosen(run)) };
  const view = new TurnView(run);
  let left = false;
  try {
    for await (const event of turns.submit(input, { signal: run.signal })) {
      await view.follow(event);
      left = (detach && view.runId !== "") || (leaves && view.unanswered !== undefined);
      if (left) break;
    }
  } finally {
    if (leaves && !left && view.end === undefined) await turns.abort({ runId: input.runId }).catch(() => {});
    await view.close();
  }
  if (left && view.unanswered !== undefined) return await waits(run, view, view.unanswered);
  if (left) return await sent(run, view);
  await answered(run, view);
};

async function answered(run: Run, view: TurnView): Promise<void> {
  const { end, runId, sessionKey, tools } = view;
  if (!end) throw new PlinthError("PLINTH_TURN_CUT", "The turn stopped without an end.", { next: "Send the message again." });
  await view.finish();
  if (end.status === "aborted") throw new PlinthError("PLINTH_ABORTED", "The turn was aborted.", { next: "Send the message again." });
  if (end.status === "error") {
    const { code = "PLINTH_FAILED", message = "The turn failed.", extension, next } = end.error ?? {};
    throw new PlinthError(code, message, { ...(extension ? { extension } : {}), ...(next ? { next } : {}) });
  }
  await run.result({
    text: end.text,
    runId,
    sessionKey,
    usage: end.usage ?? null,
    toolCalls: [...tools.values()],
    model: end.model ?? null,
    ...(end.origin === undefined ? {} : { origin: end.origin }),
  });
}

/** With `--detach`: it was taken in, and that is all that this command waits for. */
async function sent(run: Run, { runId, sessionKey }: TurnView): Promise<void> {
  const next = `plinth sessions follow --run ${runId}`;
  await run.out(`Taken in as ${plain(runId)}, in ${plain(sessionKey)}.\n`);
  await run.err(`next: ${next}\n`);
  await run.result({ status: "taken", runId, sessionKey, next });
}

async function waits(run: Run, { runId, sessionKey }: TurnView, { id, kind, title, expiresAt }: InteractionRequest): Promise<void> {
  const answer = kind === "approval" ? `plinth approvals answer ${id} once (or deny)` : `plinth questions answer ${id} REPLY`;
  const next = `${answer}, then plinth sessions follow --run ${runId}`;
  await run.err(`error PLINTH_ANSWER_NEEDED: The turn waits for your answer, and here nobody can be asked: ${plain(title)}\nnext: ${next}\n`);
  await run.result({ status: "waits", runId, sessionKey, waitsFor: { id, title, expiresAt }, next });
  await run.emit({ exit: UNCONFIRMED });
}

async function chosen(run: Run) {
  const [session, model, mode, named] = [run.option("session"), run.option("model"), run.option("mode"), run.option("agent")];
  const known = MODES.find((one) => one === mode);
  if (mode !== undefined && known === undefined)
    throw new PlinthError("PLINTH_USAGE", `--mode is "${mode.slice(0, 40)}".`, { next: `Choose one of ${MODES.join(", ")}.` });
  const sessionKey = named ? await sessionOf(run, named, session) : session;
  return { ...(sessionKey ? { sessionKey } : {}), ...(model ? { model } : {}), ...(known ? { mode: known } : {}) };
}

/** The key of a conversation with this agent; without one, of its main one. */
async function sessionOf(run: Run, agent: string, sessionKey: string | undefined): Promise<string> {
  const asked = { surface: "cli", agent, ...(sessionKey ? { sessionKey } : {}) };
  return (await run.ctx.use("plinth.router").one().route(asked)).sessionKey;
}

const noGateway = (): PlinthError =>
  new PlinthError("PLINTH_NO_GATEWAY", "No gateway of this home is running, so nobody would go on with the turn.", {
    next: "Start it (plinth gateway run), or leave out --detach.",
  });
