import { type ContentPart, type Context, type MessageOrigin, PlinthError, type Principal, type ToolRules, type TurnEvent } from "@plinth/sdk";
import { condense } from "./condense.ts";
import { summaryOf } from "./dropped.ts";
import type { Pause } from "./pause.ts";
import { Progress } from "./stuck.ts";
import { scopeOf } from "./work-scope.ts";

/** One submitted message: what has happened so far, who follows it, and the way to abort it. */
export class Run {
  readonly id: string;
  /** In whose name it runs; the router can make that less. */
  principal: Principal | undefined;
  /** As asked for, until the router has decided. */
  sessionKey: string;
  agent = "";
  /** Which tools its turn has at most, as its router and its conversation say. */
  toolRules: ToolRules[] = [];
  startedAt: number | undefined;
  /** A command that is answered beside the session's lane. */
  aside = false;
  /** Nobody has to wait for its answer. */
  detached = false;
  /** The message waits in the store. */
  kept = false;
  /** Others that wait in the same mode may join it until it runs. */
  collects = false;
  /** Those that come before this has ended are answered with it. */
  pause: Pause | undefined;
  /** It waits, and nobody says it into a running turn. */
  waits = false;
  /** Its own message while it waits; undefined where that was dropped, and the turn is only for those that joined it. */
  said: ContentPart[] | undefined;
  /** What another message must have in common with it to join it. */
  together: string | undefined;
  /** What is answered in this run's turn as well. */
  readonly joining: { runId: string; kept: boolean; content: ContentPart[] }[] = [];
  /** It stands for messages that were dropped. */
  sumsUp = false;
  readonly progress = new Progress();
  /** Where it came from. */
  from: { surface: string; sender?: string } = { surface: "" };
  readonly #lines: string[] = [];
  /** Say something into its turn; true once it was taken in. Undefined: it cannot be. */
  steer: ((content: ContentPart[]) => Promise<boolean>) | undefined;
  /** A harness has it, and may say it into its turn at any moment. */
  handed = false;
  /** The run in whose turn this message is answered. */
  joined: string | undefined;
  /** The extension whose words the message is, because a button that it suggested sent them. */
  suggestedBy: string | undefined;
  /** Whose words the message is, where they are not just the owner's. */
  origin: MessageOrigin | undefined;
  /** Rough size of what a finished run still keeps, in characters. */
  size = 0;
  readonly #told: (event: TurnEvent, size: number) => void;
  readonly #controller = new AbortController();
  #events: TurnEvent[] = [];
  #over = false;
  #chars = 0;
  #failure: unknown;
  #followers = 0;
  #waiting: (() => void)[] = [];

  /** @param told hears of each event when it happens. */
  constructor(id: string, sessionKey: string, principal: Principal | undefined, told: (event: TurnEvent, size: number) => void = () => {}) {
    this.id = id;
    this.sessionKey = sessionKey;
    this.principal = principal;
    this.#told = told;
  }

  /** All that its turn answers. */
  whole(own: ContentPart[]): ContentPart[] {
    if (this.sumsUp) return summaryOf(this.#lines);
    const said = this.waits && this.said === undefined ? [] : own;
    return [...said, ...this.joining.flatMap(({ content }) => content)];
  }

  /** What of it waits in the store. */
  get inputs(): string[] {
    return [...(this.kept ? [this.id] : []), ...this.joining.flatMap(({ runId, kept }) => (kept ? [runId] : []))];
  }

  /** A dropped message becomes a line of this one. True where it stays in the store until this one is answered. */
  sum(runId: string, kept: boolean, line: string): boolean {
    this.#lines.push(line);
    if (!kept || this.joining.length >= MOST_SUMMED) return false;
    this.joining.push({ runId, kept, content: [] });
    return true;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** It has become a turn: there is a `start`, and there will be an `end`. */
  get started(): boolean {
    return this.#events.length > 0;
  }

  get over(): boolean {
    return this.#over;
  }

  /** As work of its submitter that says which session and agent it is for: grants may be limited to these. */
  within<T>(ctx: Context, body: () => Promise<T>): Promise<T> {
    const { principal } = this;
    return principal === undefined || principal.role === "system" ? body() : ctx.work({ ...principal, scope: scopeOf(this, principal) }, body);
  }

  /** From here on it is a guest's work, whoever submitted it. */
  lower(): void {
    if (this.principal?.role === "owner") this.principal = { ...this.principal, role: "guest" };
  }

  /** True when it was not over and not aborted before. */
  abort(reason: PlinthError): boolean {
    if (this.#over || this.signal.aborted) return false;
    this.#controller.abort(reason);
    return true;
  }

  emit(event: TurnEvent): void {
    if (this.#over) return;
    const size = sizeOf(event);
    if (event.type !== "end" && (this.#chars += size) > MAX_CHARS) {
      this.abort(tooLong());
      return;
    }
    this.#events.push(event);
    this.#told(event, size);
    if (event.type === "end") this.#finish();
    else this.#wake();
  }

  /** It never became a turn: whoever follows it gets the error itself. */
  refuse(error: unknown): void {
    if (this.#over) return;
    this.#failure = error;
    this.#finish();
  }

  /** All events from the first one on, then what comes. The turn is aborted when its last follower leaves. */
  async *follow(signal: AbortSignal, detached: boolean): AsyncGenerator<TurnEvent, void> {
    this.#followers++;
    if (detached) this.detached = true;
    let here = true;
    const leave = (): void => {
      if (!here) return;
      here = false;
      this.#followers--;
      if (this.#followers > 0) return;
      if (this.#over) this.#condense();
      else if (!this.detached) this.abort(new PlinthError("PLINTH_ABORTED", "The turn was aborted because nobody waits for its answer any more."));
    };
    // A generator that waits cannot be told to return: the signal is how a follower leaves at once.
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      for (let at = 0; here; ) {
        while (at < this.#events.length) yield this.#events[at++]!;
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#over) return;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #finish(): void {
    this.#over = true;
    if (this.#followers === 0) this.#condense();
    this.#wake();
  }

  #condense(): void {
    if (this.size > 0) return;
    ({ events: this.#events, size: this.size } = condense(this.#events));
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** The store takes a hundred with a claim. */
const MOST_SUMMED = 90;
/** Of what one run says before its end, in characters; whoever says more does not stop by itself. */
const MAX_CHARS = 16_000_000;

const sizeOf = (event: TurnEvent): number =>
  100 +
  ("delta" in event
    ? event.delta.length
    : "text" in event
      ? event.text.length
      : "result" in event || "args" in event || "request" in event || "suggestions" in event || "part" in event || "message" in event
        ? JSON.stringify(event).length
        : 0);

const tooLong = (): PlinthError =>
  new PlinthError("PLINTH_ANSWER_TOO_LONG", `The turn said more than ${MAX_CHARS.toLocaleString("en")} characters and was ended.`, {
    next: "Ask for less at a time.",
  });
