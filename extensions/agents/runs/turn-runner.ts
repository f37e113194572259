import {
  type Client,
  type Context,
  type ErrorInfo,
  errorInfo,
  type ModelMessage,
  type Part,
  PlinthError,
  type ToolCallPart,
  type TurnEvent,
  type Usage,
} from "@plinth/sdk";
import { compactionBody } from "./compaction-body.ts";
import { HalfAnswer } from "./half-answer.ts";
import { agentFor, askedOf, handedOver } from "./handed-over.ts";
import { checkedContent, type Harness, harnessOf, messageFrom, messagesFor, surfaceContent } from "./harness-content.ts";
import { type ModelHistory, modelHistory } from "./model-history.ts";
import { originNote } from "./origin-note.ts";
import { recentEntries } from "./recent-entries.ts";
import { storedEnd } from "./replay.ts";
import type { Route } from "./route.ts";
import type { Run } from "./run.ts";
import { type Claiming, type Held, isBusy, SessionClaim } from "./session-claim.ts";
import { Steering } from "./steering.ts";
import type { Submission } from "./submission.ts";
import { isThirdParty, type Suggestions } from "./suggestions.ts";
import { type Body, TranscriptWriter } from "./transcript-writer.ts";
import { isFailure, timedOut, unfinished } from "./turn-errors.ts";
import type { Waiting } from "./waiting.ts";

export interface TurnLimits {
  turnTimeoutMs: number;
  historyLimit: number;
  historyChars: number;
}

interface Outcome {
  status: "ok" | "error" | "aborted";
  text: string;
  content?: Part[];
  usage?: Usage;
  model?: string;
  reason?: (typeof REASONS)[number];
  calls?: ToolCallPart[];
  error?: ErrorInfo;
}

const endOf = ({ status, usage, model, error }: Outcome) => ({ status, ...(usage && { usage }), ...(model && { model }), ...(error && { error }) });

interface Done {
  reason?: string;
  calls?: ToolCallPart[];
  text: string;
  content?: Part[];
  model?: string;
  usage?: Usage;
}

const REASONS = ["length", "rounds", "refusal", "filter", "tool-calls"] as const;

/** One turn: claim, prepare, harness, check the answer, store it, end. Whatever happens, one `end` closes it. */
export class TurnRunner {
  readonly #ctx: Context;
  readonly #limits: TurnLimits;
  readonly #store: Client<"plinth.session-store">;
  readonly #claim: SessionClaim;
  readonly #suggestions: Suggestions;
  readonly #waiting: Waiting;
  readonly #telling = new Set<Promise<void>>();
  lastModel: string | undefined;

  constructor(ctx: Context, limits: TurnLimits, suggestions: Suggestions, waiting: Waiting) {
    this.#ctx = ctx;
    this.#waiting = waiting;
    this.#suggestions = suggestions;
    this.#limits = limits;
    this.#store = ctx.use("plinth.session-store").one();
    this.#claim = new SessionClaim(ctx, this.#store);
  }

  /**
   * Claim the session for a turn that need not wait, and store its message with the claim. Undefined where somebody else holds
   * the session, or the run has ended before.
   */
  async begin(run: Run, input: Submission): Promise<Held | undefined> {
    if ((await this.#ended(run, input)) !== undefined) return undefined;
    try {
      return await this.#take(run, input, 0);
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  /** @param begun what `begin` gave; without it the session is claimed, and waited for. */
  async run(run: Run, input: Submission, route: Route, begun?: Promise<Held | undefined>): Promise<void> {
    const { id: runId, sessionKey } = run;
    const stored = begun === undefined ? await this.#ended(run, input) : undefined;
    if (stored !== undefined) return run.emit(stored);
    const started = this.#ctx.clock.now();
    const timer = setTimeout(() => run.abort(timedOut(this.#limits.turnTimeoutMs)), this.#limits.turnTimeoutMs).unref();
    const turn = new Turn(this.#ctx, this.#suggestions, run);
    let outcome: Outcome;
    try {
      const held = (await begun) ?? (await this.#take(run, input));
      turn.held = held;
      const asked = [this.#prepare(run, input, route), this.#history(sessionKey), this.#ctx.use("plinth.harness").list()] as const;
      const [prepared, { entries }, harnesses] = await Promise.all(asked);
      const { historyChars, historyLimit } = this.#limits;
      const shown = input.history === undefined ? modelHistory(entries, historyChars, historyLimit) : handedOver(input.history, input);
      for (const party of shown.parties) await this.#ctx.lower(party, "had a hand in this conversation");
      const answered = await turn.follow(prepared, harnessOf(harnesses, prepared.harness), route, shown, input);
      await this.#claim.finish(held, { ...endOf(answered.outcome), bodies: answered.rest });
      outcome = answered.outcome;
      this.lastModel = outcome.model ?? this.lastModel;
    } catch (error) {
      outcome = await turn.failed(error);
    } finally {
      clearTimeout(timer);
      turn.close();
    }
    const { text, content, reason, calls } = outcome;
    const end = endOf(outcome);
    if (turn.held !== undefined && outcome.status !== "ok") await this.#claim.release(turn.held, end);
    this.#tell({ sessionKey, runId, durationMs: this.#ctx.clock.now() - started, ...end });
    const origin = originNote(this.#ctx.currentWork());
    const more = { ...(content && { content }), ...(reason && { reason }), ...(calls && { calls }) };
    run.emit({ type: "end", text, ...more, ...end, ...(origin === undefined ? {} : { origin }) });
    // Told at once that it ended; the session's next turn begins when the harness has let go of this one.
    await turn.left();
  }

  /** Claim the session: with the claim the message, and those that joined it, leave the queue. */
  async #take(run: Run, { content = [], replyTo, externalId, expectedHead }: Submission, waitMs?: number): Promise<Held> {
    // Nothing joins it from here on.
    run.collects = false;
    const { inputs } = run;
    const claiming: Claiming = {
      key: run.sessionKey,
      runId: run.id,
      message: { role: "user", content: run.whole(content) },
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(externalId === undefined ? {} : { externalId }),
      ...(expectedHead === undefined ? {} : { expectedHead }),
      ...(inputs.length === 0 ? {} : { inputs }),
    };
    const held = await this.#claim.take(claiming, run.signal, (error) => run.abort(error as PlinthError), waitMs);
    for (const id of inputs) this.#waiting.gone(id);
    run.kept = false;
    run.joining.length = 0;
    return held;
  }

  /** Resolves when no subscriber of `turn.end` is being told any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#telling);
  }

  /** How a run of this id ended before: only whoever names one can ask for it again. */
  async #ended(run: Run, { runId }: Submission): Promise<Extract<TurnEvent, { type: "end" }> | undefined> {
    return runId === undefined ? undefined : storedEnd((await this.#history(run.sessionKey)).entries, runId);
  }

  #history(key: string) {
    return recentEntries(this.#store, key, this.#limits.historyLimit);
  }

  async #prepare(run: Run, input: Submission, { harness, model, system }: Route) {
    const asked = { harness, model, system: input.system ? [...system, input.system] : [...system] };
    const prepared = await this.#ctx.hooks.fire("turn.prepare", { sessionKey: run.sessionKey, runId: run.id, ...asked }, { signal: run.signal });
    return {
      harness: typeof prepared.harness === "string" ? prepared.harness : asked.harness,
      model: typeof prepared.model === "string" ? prepared.model : asked.model,
      system: Array.isArray(prepared.system) ? prepared.system : asked.system,
    };
  }

  /** Observers are told, not waited for; their deadline is the hook's. */
  #tell(payload: { sessionKey: string; runId: string; status: string; durationMs: number }): void {
    const telling = this.#ctx.hooks
      .fire("turn.end", payload)
      .catch((error) => this.#ctx.log.warn("turn.end could not be told.", { ...errorInfo(error) }))
      .finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
  }
}

/** What one turn does with its harness. */
class Turn {
  readonly #ctx: Context;
  readonly #suggestions: Suggestions;
  readonly #run: Run;
  readonly #writer: TranscriptWriter;
  /** Announced tool calls without an end yet. */
  readonly #openTools = new Map<string, string>();
  #steering: Steering | undefined;
  /** An assistant message without tool calls: the answer, unless another message follows it. */
  #answer: ModelMessage | undefined;
  readonly #half = new HalfAnswer();
  #surface = "";
  held: Held | undefined;
  /** Resolves when the harness works on this turn no more, or does not let go of it in time. */
  left: () => Promise<void> = async () => {};

  constructor(ctx: Context, suggestions: Suggestions, run: Run) {
    this.#ctx = ctx;
    this.#suggestions = suggestions;
    this.#run = run;
    this.#writer = new TranscriptWriter(
      async (bodies) => this.held?.append(bodies),
      (error) => run.abort(error as PlinthError),
    );
  }

  /** To its answer, and what of it has to be stored with the run's end. */
  async follow(
    prepared: { harness: string; model: string; system: string[] },
    maker: Harness,
    route: Route,
    { messages, ids, long }: Pick<ModelHistory, "messages" | "ids" | "long">,
    asked: Submission,
  ): Promise<{ outcome: Outcome; rest: Body[] }> {
    const { id: runId, sessionKey, signal } = this.#run;
    const { harness, model, system } = prepared;
    const { surface } = asked;
    this.#surface = surface;
    const run = { ...agentFor(route, maker), runId, sessionKey, surface, model, system };
    const input = { ...askedOf(asked, maker), ...run, history: messagesFor(messages, maker), ...(long === undefined ? {} : { long }) };
    const client = this.#ctx.use("plinth.harness").get(harness);
    if (maker.steers) {
      const steering = new Steering(async (content) => (await client.steer({ runId, content, when: "now" }, { signal })).taken);
      this.#steering = steering;
      this.#run.steer = (content) => steering.offer(content);
    }
    const items = client.run(input, { signal })[Symbol.asyncIterator]();
    this.left = async () => void (await items.return?.());
    let done: Done | undefined;
    for (let step = await items.next(); !step.done; step = await items.next()) {
      const item = step.value;
      if (item.type === "message") this.#message(messageFrom(item.message, maker));
      else if (item.type === "done") done = item;
      else if (item.type === "resume") continue;
      else if (item.type === "suggest" || item.type === "interaction") this.#inNameOf(maker, item);
      else this.#event(item, compactionBody(item, ids, maker));
    }
    signal.throwIfAborted();
    if (done === undefined) throw unfinished(harness);
    const answer = this.#answer ?? messageFrom({ role: "assistant", content: done.content ?? [{ type: "text", text: done.text }] }, maker);
    const text = await this.#checked(done.text, signal);
    const calls = asked.tools && done.calls;
    const content = checkedContent(answer.content, text);
    // What comes before calls that are handed out is stored with them.
    if (content.length > 0 && calls === undefined) this.#writer.add({ kind: "message", message: { ...answer, content } });
    const rest = await this.#writer.rest();
    const shown = surfaceContent(content);
    const { usage, model: answeredBy } = done;
    const reason = REASONS.find((one) => one === done.reason);
    const more = { ...(shown && { content: shown }), ...(usage && { usage }), ...(reason && { reason }), ...(calls && { calls }) };
    return { outcome: { status: "ok", text, ...more, ...(answeredBy ? { model: answeredBy } : {}) }, rest };
  }

  /** What was not taken in by now is not. */
  close(): void {
    this.#run.steer = undefined;
    this.#steering?.close();
  }

  async failed(thrown: unknown): Promise<Outcome> {
    const { signal } = this.#run;
    // What was said before it failed is part of the transcript; its open calls are closed with the run.
    const half = await this.#half.message((text) => this.#checked(text));
    if (half !== undefined) this.#writer.add({ kind: "message", message: half });
    await this.#writer.flush().catch(() => {});
    for (const [callId, name] of this.#openTools) {
      const text = "The turn ended before this tool gave a result.";
      this.#run.emit({ type: "tool-end", callId, name, result: { content: [{ type: "text", text }], isError: true } });
    }
    const reason: unknown = this.#writer.error ?? (signal.aborted ? signal.reason : thrown);
    const error = errorInfo(reason);
    const aborted = signal.aborted && this.#writer.error === undefined && !isFailure(error.code);
    return { status: aborted ? "aborted" : "error", text: "", error };
  }

  #message(message: ModelMessage): void {
    if (message.role === "assistant") this.#half.clear();
    if (this.#answer !== undefined) this.#writer.add({ kind: "message", message: this.#answer });
    this.#answer = undefined;
    if (message.role === "user") return this.#heard();
    if (message.role === "assistant" && !message.content.some(({ type }) => type === "tool-call")) this.#answer = message;
    else this.#writer.add({ kind: "message", message });
  }

  /** Whoever said it hears that it was taken in when it cannot be lost any more. */
  #heard(): void {
    const word = this.#steering?.next();
    if (word === undefined) return;
    this.#writer.add({ kind: "message", message: { role: "user", content: word.content } });
    void this.#writer.flush().then(
      () => word.settle(true),
      () => word.settle(false),
    );
  }

  /** What people press counts as the words of whoever wrote it, and only the product asks them in its own voice. */
  #inNameOf({ extension: by }: Harness, event: Extract<TurnEvent, { type: "suggest" | "interaction" }>): void {
    if (event.type === "suggest") {
      this.#run.emit({ type: "suggest", by, suggestions: this.#suggestions.offer(this.#run.sessionKey, by, event.suggestions) });
    } else if (!isThirdParty(by)) this.#run.emit(event);
  }

  #event(event: TurnEvent, kept: Body | undefined): void {
    if (kept !== undefined) this.#writer.add(kept);
    switch (event.type) {
      case "text":
      case "reasoning":
      case "part":
      case "progress":
      case "warning":
      case "plan":
      case "diff":
      case "terminal":
      case "subagent":
      case "compaction":
      case "tool-output":
        break;
      case "tool-start":
        this.#openTools.set(event.callId, event.name);
        break;
      case "tool-end":
        this.#openTools.delete(event.callId);
        break;
      // A start and an end are not a harness's to say, and what is not known here is nobody's to hear.
      default:
        return;
    }
    this.#half.take(event);
    this.#run.emit(event);
  }

  /** The answer as it may be stored and sent. An answer that cannot be checked is neither. */
  async #checked(text: string, signal?: AbortSignal): Promise<string> {
    const { id: runId, sessionKey } = this.#run;
    const payload = { sessionKey, runId, text, surface: this.#surface };
    const sending = await this.#ctx.hooks.fire("message.sending", payload, signal === undefined ? {} : { signal });
    if (typeof sending?.text === "string") return sending.text;
    throw new PlinthError("PLINTH_PAYLOAD", "The answer was withheld: a subscriber of message.sending gave no text.", {
      next: "`plinth hooks` shows who subscribes; disable the one at fault.",
    });
  }
}
