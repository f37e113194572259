import { randomUUID } from "node:crypto";
import { type Call, type Context, errorInfo, type InteractionStep, PlinthError, type Principal, type TurnEvent } from "@plinth/sdk";
import { type Answering, Commands } from "./commands.ts";
import { Intake } from "./intake.ts";
import { type LaneLimits, Lanes } from "./lanes.ts";
import { originNote } from "./origin-note.ts";
import { RecentRuns } from "./recent-runs.ts";
import { Run } from "./run.ts";
import { isThirdParty, Suggestions } from "./suggestions.ts";
import { type Route, type TurnLimits, TurnRunner } from "./turn-runner.ts";

export interface Submission {
  text: string;
  sessionKey?: string;
  runId?: string;
  surface: string;
  sender?: string;
  model?: string;
  system?: string;
  detached?: boolean;
  suggestedBy?: string;
}

export interface Limits extends LaneLimits, TurnLimits {}

/**
 * Takes messages to their answers: intake (route, `message.received`), then a command, or a place in the session's lane
 * and a turn. Each message runs in the async context of its own caller, so that it keeps that caller's work.
 */
export class Turns {
  readonly #ctx: Context;
  readonly #lanes: Lanes;
  readonly #intake: Intake;
  readonly #commands: Commands;
  readonly #runner: TurnRunner;
  readonly #suggestions = new Suggestions();
  readonly #recent = new RecentRuns();
  /** What each run that is not over still does. */
  readonly #driving = new Map<Run, Promise<void>>();

  constructor(ctx: Context, limits: Limits) {
    this.#ctx = ctx;
    this.#lanes = new Lanes(limits);
    this.#intake = new Intake(ctx, limits.maxQueued);
    this.#commands = new Commands(ctx, this.#suggestions);
    this.#runner = new TurnRunner(ctx, limits, this.#suggestions);
  }

  /** provider/model of the newest answer. */
  get lastModel(): string | undefined {
    return this.#runner.lastModel;
  }

  submit(input: Submission, call: Pick<Call, "signal" | "work">): AsyncIterable<TurnEvent> {
    const principal = call.work?.principal;
    const detached = input.detached ?? false;
    const known = input.runId === undefined ? undefined : this.#recent.get(input.runId);
    if (known !== undefined) {
      if (!mayFollow(known, principal)) throw notYours(known.id);
      return known.follow(call.signal, detached);
    }
    if (this.#ctx.signal.aborted) throw stopping();
    const run = new Run(input.runId ?? randomUUID(), input.sessionKey ?? "", principal);
    this.#recent.add(run);
    const driving = this.#drive(run, input).finally(() => this.#driving.delete(run));
    this.#driving.set(run, driving);
    return run.follow(call.signal, detached);
  }

  abort(target: { runId?: string; sessionKey?: string }, { work }: Pick<Call, "work">): { aborted: number } {
    let aborted = 0;
    const reason = new PlinthError("PLINTH_ABORTED", "The turn was aborted on request.");
    for (const run of this.#driving.keys()) {
      const meant = target.runId === undefined ? run.sessionKey === target.sessionKey && !run.aside : run.id === target.runId;
      if (meant && mayFollow(run, work?.principal) && run.abort(reason)) aborted++;
    }
    return { aborted };
  }

  /** Only the product says in a turn that an owner is asked. */
  tell({ runId, step }: { runId: string; step: InteractionStep }, { caller }: Pick<Call, "caller">): { told: boolean } {
    const run = isThirdParty(caller) ? undefined : this.#recent.get(runId);
    if (run === undefined || run.over) return { told: false };
    run.emit({ type: "interaction", ...step });
    return { told: true };
  }

  status(): { running: { sessionKey: string; runId: string; startedAt: number }[]; queued: number } {
    const running = [];
    for (const { id, sessionKey, startedAt, over } of this.#driving.keys()) {
      if (startedAt !== undefined && !over) running.push({ sessionKey, runId: id, startedAt });
    }
    return { running, queued: this.#lanes.waiting };
  }

  /** Abort everything and wait until nothing runs any more. */
  async close(): Promise<void> {
    for (const run of this.#driving.keys()) run.abort(stopping());
    await Promise.allSettled(this.#driving.values());
    await this.#runner.settled();
  }

  /** Never rejects: whatever goes wrong is told to those who follow the run. */
  async #drive(run: Run, input: Submission): Promise<void> {
    let place: { granted: Promise<void>; leave(): void } | undefined;
    try {
      const taken = await this.#intake.take(run, input, async () => {
        run.suggestedBy = this.#suggestions.source(run.sessionKey, input.text, input.suggestedBy);
        // What was typed: whoever rewrites a message must not give orders in the name of its sender.
        const command = await run.within(this.#ctx, async () => {
          if (isThirdParty(run.suggestedBy)) await this.#ctx.lower(run.suggestedBy as string, "suggested it");
          run.origin = originNote(this.#ctx.currentWork());
          return this.#commands.find(input.text, run.principal, run.suggestedBy);
        });
        // Its place is taken before the next message of the session is looked at: first come, first served.
        if (command?.aside) run.aside = true;
        else place = this.#lanes.enter(run.sessionKey, run.signal);
        return command;
      });
      run.emit({ type: "start", runId: run.id, sessionKey: run.sessionKey, ...(run.origin === undefined ? {} : { origin: run.origin }) });
      if (taken.drop !== undefined) return run.emit(dropped(taken.drop));
      await place?.granted;
      await run.within(this.#ctx, () => this.#answer(run, input, taken.route, taken.text, taken.decision));
    } catch (error) {
      this.#fail(run, error);
    } finally {
      place?.leave();
    }
  }

  async #answer(run: Run, input: Submission, route: Route, text: string, command: Answering | undefined): Promise<void> {
    if (!run.aside) run.startedAt = this.#ctx.clock.now();
    if (command !== undefined) return this.#commands.answer(run, command);
    return this.#runner.run(run, { ...input, text }, route);
  }

  /** What fails before there is a turn is the caller's error; what fails in one, or is aborted at any time, is its end. */
  #fail(run: Run, thrown: unknown): void {
    const { aborted, reason } = run.signal;
    if (!run.started && !aborted) {
      this.#recent.forget(run);
      return run.refuse(thrown);
    }
    if (!run.started) run.emit({ type: "start", runId: run.id, sessionKey: run.sessionKey });
    run.emit({ type: "end", status: aborted ? "aborted" : "error", text: "", error: errorInfo(aborted ? reason : thrown) });
  }
}

/** An id is not a secret: a run is followed and ended by its owner, or by whoever submitted it. */
function mayFollow(run: Run, principal: Principal | undefined): boolean {
  if (principal?.role === "owner") return true;
  const { principal: submitter } = run;
  return submitter?.role === principal?.role && submitter?.via === principal?.via && submitter?.name === principal?.name;
}

function dropped(reason: string): TurnEvent {
  return { type: "end", status: "ok", text: "", error: { code: "PLINTH_MESSAGE_DROPPED", message: reason } };
}

function notYours(runId: string): PlinthError {
  return new PlinthError("PLINTH_RUN_FORBIDDEN", `The run ${runId} was submitted by somebody else.`, { next: "Use a run id of your own." });
}

function stopping(): PlinthError {
  return new PlinthError("PLINTH_STOPPING", "The host is stopping.", { next: "Send the message again when it is back." });
}
