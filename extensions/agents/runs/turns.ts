import { randomUUID } from "node:crypto";
import { type Call, type ContentPart, type Context, errorInfo, type InteractionStep, PlinthError, type Principal, type TurnEvent } from "@plinth/sdk";
import { Backlog } from "./backlog.ts";
import { Commands } from "./commands.ts";
import { dropped } from "./dropped.ts";
import { Feed, type FeedItem } from "./feed.ts";
import { rewritten } from "./handed-over.ts";
import { Intake } from "./intake.ts";
import { type LaneLimits, Lanes, type Place } from "./lanes.ts";
import { originNote } from "./origin-note.ts";
import { Pause } from "./pause.ts";
import { type QueueConfig, type QueueSettings, settingsFor } from "./queue-settings.ts";
import { RecentRuns } from "./recent-runs.ts";
import type { Route } from "./route.ts";
import { Run } from "./run.ts";
import { sameOrigin, togetherAs } from "./same-person.ts";
import { SessionChoices } from "./session-choices.ts";
import type { Held } from "./session-claim.ts";
import { type StuckLimits, StuckWatch } from "./stuck.ts";
import { directed, type Submission } from "./submission.ts";
import { isThirdParty, Suggestions } from "./suggestions.ts";
import { type TurnLimits, TurnRunner } from "./turn-runner.ts";
import { type Left, Waiting } from "./waiting.ts";

export interface Limits extends LaneLimits, TurnLimits, StuckLimits {
  queue: QueueConfig;
}

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
  readonly #feed = new Feed();
  readonly #waiting: Waiting;
  readonly #backlog: Backlog;
  readonly #queue: QueueConfig;
  readonly #stuck: StuckWatch;
  /** What each run that is not over still does. */
  readonly #driving = new Map<Run, Promise<void>>();
  readonly choices: SessionChoices;

  constructor(ctx: Context, limits: Limits) {
    this.#ctx = ctx;
    this.#lanes = new Lanes(limits);
    this.choices = new SessionChoices(ctx.store);
    this.#intake = new Intake(ctx, limits.maxQueued, this.choices);
    this.#commands = new Commands(ctx, this.#suggestions);
    this.#waiting = new Waiting(ctx, ctx.use("plinth.session-store").one());
    this.#runner = new TurnRunner(ctx, limits, this.#suggestions, this.#waiting);
    this.#queue = limits.queue;
    this.#stuck = new StuckWatch(ctx.clock, limits, () => this.#driving.keys());
    this.#backlog = new Backlog(ctx, { runs: () => this.#driving.keys(), sumUp: (run) => this.#sumUp(run) }, this.#waiting);
  }

  /** Take over what a host that died left waiting. Nothing is loaded where there is a sign that it left nothing. */
  resume(): void {
    if (this.#waiting.left) this.#watch();
  }

  /** provider/model of the newest answer. */
  get lastModel(): string | undefined {
    return this.#runner.lastModel;
  }

  knows(runId: string): boolean {
    return this.#recent.get(runId) !== undefined;
  }

  submit(input: Submission, call: Pick<Call, "signal" | "work">): AsyncIterable<TurnEvent> {
    for (const name of [input.runId, input.sessionKey]) if (name?.isWellFormed() === false) throw notWhole();
    const principal = call.work?.principal;
    const detached = input.detached ?? false;
    const known = input.runId === undefined ? undefined : this.#recent.get(input.runId);
    if (known !== undefined) {
      if (!mayFollow(known, principal)) throw notYours(known.id);
      return known.follow(call.signal, detached);
    }
    if (this.#ctx.signal.aborted) throw stopping();
    this.#watch();
    const run = this.#start(directed(input), principal);
    return run.follow(call.signal, detached);
  }

  /** Back from where it waits; what runs already is ended by `abort`. */
  async withdraw({ runId }: { runId: string }, { work }: Pick<Call, "work">): Promise<{ withdrawn: boolean }> {
    const run = this.#recent.get(runId);
    if (run === undefined || run.over || run.startedAt !== undefined || run.aside || run.handed || !mayFollow(run, work?.principal))
      return { withdrawn: false };
    const withdrawn = run.abort(new PlinthError("PLINTH_WITHDRAWN", "The message was taken back before it was answered."));
    await this.#driving.get(run);
    return { withdrawn };
  }

  async *follow({ runId, sessionKey, after }: { runId?: string; sessionKey?: string; after?: string }, call: Pick<Call, "signal" | "work">) {
    const principal = call.work?.principal;
    const mine = (item: FeedItem): boolean => {
      const run = this.#recent.get(item.runId);
      return run === undefined ? principal?.role === "owner" : mayFollow(run, principal);
    };
    if (runId === undefined) {
      const wanted = (item: FeedItem) => item.sessionKey === sessionKey && mine(item);
      const begins = (item: FeedItem) => wanted(item) && this.#recent.get(item.runId)?.over === false;
      yield* this.#feed.follow(after, wanted, begins, call.signal);
      return;
    }
    const run = this.#recent.get(runId);
    if (run === undefined) throw unknownRun(runId);
    if (!mayFollow(run, principal)) throw notYours(runId);
    const begins = (item: FeedItem) => item.runId === runId && item.event.type === "start";
    if (after === undefined && run.over && !this.#feed.holds(begins)) {
      for await (const event of run.follow(call.signal, true)) yield { cursor: this.#feed.end, sessionKey: run.sessionKey, runId, event };
      return;
    }
    for await (const item of this.#feed.follow(after, (one) => one.runId === runId, begins, call.signal)) {
      yield item;
      if (item.event.type === "end") return;
    }
  }

  abort(target: { runId?: string; sessionKey?: string }, { work }: Pick<Call, "work">): { aborted: number } {
    const reason = new PlinthError("PLINTH_ABORTED", "The turn was aborted on request.");
    return { aborted: this.#end(target, work?.principal, reason) };
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

  /** Abort everything and wait until nothing runs any more. What waits and wants nobody's ear is answered by the next host. */
  async close(): Promise<void> {
    for (const run of this.#driving.keys()) run.abort(run.detached && run.inputs.length > 0 && run.startedAt === undefined ? later() : stopping());
    await Promise.allSettled(this.#driving.values());
    this.#waiting.stop();
    this.#stuck.stop();
    await this.#runner.settled();
  }

  /** @param but the run that is not meant, whatever else is. */
  #end(target: { runId?: string; sessionKey?: string }, principal: Principal | undefined, reason: PlinthError, but?: Run): number {
    let ended = 0;
    for (const run of this.#driving.keys()) {
      const meant = target.runId === undefined ? run.sessionKey === target.sessionKey && !run.aside : run.id === target.runId;
      if (meant && run !== but && mayFollow(run, principal) && run.abort(reason)) ended++;
    }
    return ended;
  }

  #watch(): void {
    this.#stuck.start();
    this.#waiting.watch(({ input, principal, origin }) => {
      if (this.#recent.get(input.runId) === undefined && !this.#ctx.signal.aborted) this.#start(input, principal, { input, principal, origin });
    });
  }

  #start(input: Submission, principal: Principal | undefined, left?: Left, sumsUp = false): Run {
    const run: Run = new Run(input.runId ?? randomUUID(), input.sessionKey ?? "", principal, (event, size) => {
      run.progress.take(event, this.#ctx.clock.now());
      this.#feed.add(run.sessionKey, run.id, event, size);
    });
    run.detached = input.detached ?? false;
    run.from = { surface: input.surface, ...(input.sender === undefined ? {} : { sender: input.sender }) };
    run.origin = left?.origin;
    run.sumsUp = run.collects = sumsUp;
    this.#recent.add(run);
    const driving = this.#drive(run, input, left).finally(() => this.#driving.delete(run));
    this.#driving.set(run, driving);
    return run;
  }

  #sumUp({ from, sessionKey, principal, origin }: Run): Run {
    const input = { ...from, text: "", sessionKey, runId: randomUUID(), mode: "followup" as const, detached: true };
    return this.#start(input, principal, { input, principal, origin }, true);
  }

  /** Never rejects: whatever goes wrong is told to those who follow the run. */
  async #drive(run: Run, input: Submission, left: Left | undefined): Promise<void> {
    let place: Place | undefined;
    let settings: QueueSettings | undefined;
    try {
      const decide = async (route: Route) => {
        // A conversation of its own is not answered in the turn of another.
        if (input.history === undefined)
          settings = settingsFor(this.#queue, input.surface, { inline: input.mode, session: route.queue, lane: route.lane });
        run.suggestedBy = left === undefined ? this.#suggestions.source(run.sessionKey, input.text, input.suggestedBy) : undefined;
        if (isThirdParty(run.suggestedBy)) await this.#ctx.lower(run.suggestedBy as string, "suggested it");
        if (left === undefined && input.replyTo?.text !== undefined) await this.#ctx.lower("outside", "is quoted in it");
        run.origin = left === undefined ? originNote(this.#ctx.currentWork()) : left.origin;
        // What was typed: whoever rewrites a message must not give orders in the name of its sender.
        const typed = left === undefined && input.content === undefined && input.commands !== false;
        const command = typed ? await this.#commands.find(input.text, run.principal, run.suggestedBy) : undefined;
        if (command !== undefined) this.#backlog.flush(run.sessionKey);
        else if (settings?.mode === "interrupt") this.#end({ sessionKey: run.sessionKey }, run.principal, interrupted(), run);
        // Its place is taken before the next message of the session is looked at: first come, first served.
        if (command?.aside) run.aside = true;
        else place = this.#lanes.enter(run.sessionKey, run.signal, input.share);
        return command;
      };
      const taken = left === undefined ? await this.#intake.take(run, input, decide) : await this.#intake.again(run, input, decide);
      const wanted = taken.drop === undefined && taken.decision === undefined;
      const given = { ...input, ...rewritten(input, taken.text), text: taken.text };
      const message = { ...given, content: contentOf(input, taken.text) };
      if (left === undefined) run.together = togetherAs(input);
      if (wanted && left === undefined && settings !== undefined && settings.debounceMs > 0 && run.together !== undefined && isText(message))
        run.pause = new Pause(this.#ctx.clock, settings.debounceMs);
      // In the store before anybody is told that it was taken in: in the transcript where its turn begins at once, else in the queue.
      const begun = wanted && left === undefined && place?.now === true && run.pause === undefined ? this.#begin(run, message) : undefined;
      const waits = wanted && !(await hasBegun(begun));
      if (waits) await this.#keep(run, given, left);
      run.emit({ type: "start", runId: run.id, sessionKey: run.sessionKey, ...(run.origin === undefined ? {} : { origin: run.origin }) });
      if (taken.drop !== undefined) return run.emit({ ...dropped(taken.drop), text: "" });
      if (waits && settings?.mode === "steer" && (await this.#steer(run, message))) return;
      if (waits && left === undefined && settings !== undefined && (await this.#backlog.add(run, message.content, settings))) return;
      await place?.granted;
      await run.pause?.end(run.signal);
      if (!run.aside) run.startedAt ??= this.#ctx.clock.now();
      await run.within(this.#ctx, async () => {
        for (const { party, how } of left?.origin?.influences ?? []) await this.#ctx.lower(party, how);
        if (taken.decision !== undefined) return this.#commands.answer(run, taken.decision);
        return this.#runner.run(run, message, taken.route, waits ? undefined : begun);
      });
    } catch (error) {
      this.#fail(run, error);
    } finally {
      place?.leave();
      // What has had its turn is gone from the queue already; what is only postponed stays there.
      if (run.joined === undefined && run.signal.reason?.code !== "PLINTH_POSTPONED") await this.#forget(run);
    }
  }

  /** Undefined where it has to wait for somebody else's claim after all. */
  async #begin(run: Run, message: Submission): Promise<Held | undefined> {
    run.startedAt = this.#ctx.clock.now();
    const held = await run.within(this.#ctx, () => this.#runner.begin(run, message));
    if (held === undefined) run.startedAt = undefined;
    return held;
  }

  /** What was rewritten is not shown to `message.received` again. */
  async #keep(run: Run, input: Submission, left: Left | undefined): Promise<void> {
    if (left !== undefined) run.kept = !run.sumsUp;
    else {
      const whole = { ...input, runId: run.id, sessionKey: run.sessionKey };
      run.kept = await run.within(this.#ctx, () => this.#waiting.add(whole, run.principal));
    }
  }

  async #forget({ inputs }: Run): Promise<void> {
    for (const runId of inputs) {
      await this.#waiting
        .withdraw(runId)
        .catch((error: unknown) => this.#ctx.log.warn("A message could not be taken from the queue.", { runId, ...errorInfo(error) }));
    }
  }

  /** Into the turn that runs, where it is the same person's with the same hands in it and its harness takes it; else it has a turn of its own. */
  async #steer(run: Run, { content = [] }: Submission): Promise<boolean> {
    const other = [...this.#driving.keys()].find((one) => one !== run && !one.over && one.sessionKey === run.sessionKey && one.steer !== undefined);
    if (other?.steer === undefined || !sameOrigin(other, run)) return false;
    const { steer } = other;
    run.handed = true;
    const taken = await run.within(this.#ctx, () => steer(content)).finally(() => (run.handed = false));
    run.signal.throwIfAborted();
    if (!taken) return false;
    const message = `It was said into the run ${other.id}, which goes on with it.`;
    run.emit({ type: "end", status: "ok", text: "", error: { code: "PLINTH_MESSAGE_STEERED", message } });
    return true;
  }

  /** What fails before there is a turn is the caller's error; what fails in one, or is aborted at any time, is its end. */
  #fail(run: Run, thrown: unknown): void {
    const { aborted, reason } = run.signal;
    if (!run.started && !aborted) {
      this.#recent.forget(run);
      return run.refuse(thrown);
    }
    if (!run.started) run.emit({ type: "start", runId: run.id, sessionKey: run.sessionKey });
    if (aborted && reason.code === "PLINTH_MESSAGE_DROPPED") {
      run.emit({ type: "text", delta: reason.message });
      return run.emit(dropped(reason.message));
    }
    run.emit({ type: "end", status: aborted ? "aborted" : "error", text: "", error: errorInfo(aborted ? reason : thrown) });
  }
}

const isText = ({ content = [] }: Submission): boolean => content.every(({ type }) => type === "text");

/** A claim that failed is not waited for: its turn ends with that. */
const hasBegun = (begun: Promise<Held | undefined> | undefined): Promise<boolean> | boolean =>
  begun?.then(
    (held) => held !== undefined,
    () => true,
  ) ?? false;

/** The message as it goes to the model: its parts, with the text that `message.received` made of theirs. */
function contentOf({ text: typed, content }: Submission, text: string): ContentPart[] {
  if (content === undefined) return [{ type: "text", text }];
  return text === typed ? content : [{ type: "text", text }, ...content.filter(({ type }) => type !== "text")];
}

/** An id is not a secret: a run is followed and ended by its owner, or by whoever submitted it. */
function mayFollow(run: Run, principal: Principal | undefined): boolean {
  if (principal?.role === "owner") return true;
  const { principal: submitter } = run;
  return submitter?.role === principal?.role && submitter?.via === principal?.via && submitter?.name === principal?.name;
}

function notYours(runId: string): PlinthError {
  return new PlinthError("PLINTH_RUN_FORBIDDEN", `The run ${runId} was submitted by somebody else.`, { next: "Use a run id of your own." });
}

function notWhole(): PlinthError {
  return new PlinthError("PLINTH_PARAMS", "A run's id or a session's key holds half a character.", { next: "Use another one." });
}

function unknownRun(runId: string): PlinthError {
  return new PlinthError("PLINTH_RUN_UNKNOWN", `No run ${runId} is known here.`, { next: "Read the session's history." });
}

function interrupted(): PlinthError {
  return new PlinthError("PLINTH_ABORTED", "The turn was aborted because a newer message wanted to be answered at once.");
}

function later(): PlinthError {
  return new PlinthError("PLINTH_POSTPONED", "The host is stopping; the message is answered when it is back.");
}

function stopping(): PlinthError {
  return new PlinthError("PLINTH_STOPPING", "The host is stopping.", { next: "Send the message again when it is back." });
}
