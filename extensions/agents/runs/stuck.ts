import { type Clock, PlinthError, type TurnEvent, visible } from "@plinth/sdk";

export interface StuckLimits {
  /** A turn in which nothing happens is told of after so long, in milliseconds. */
  stuckWarnMs: number;
  /** And ended after so long. */
  stuckAbortMs: number;
}

interface Quiet {
  readonly startedAt: number | undefined;
  readonly over: boolean;
  readonly progress: Progress;
  emit(event: TurnEvent): void;
  abort(reason: PlinthError): boolean;
}

/** When something happened last in a turn, and what it waits for. */
export class Progress {
  #at = 0;
  readonly #asked = new Set<string>();
  readonly #tools = new Map<string, string>();
  /** It was said that nothing happens. */
  told = false;

  take(event: TurnEvent, now: number): void {
    if (event.type === "warning" && event.code === QUIET) return;
    this.#at = now;
    this.told = false;
    if (event.type === "interaction") {
      if (event.state === "asked") this.#asked.add(event.request.id);
      else this.#asked.delete(event.request.id);
    } else if (event.type === "tool-start") this.#tools.set(event.callId, event.name);
    else if (event.type === "tool-end") this.#tools.delete(event.callId);
  }

  /** Nobody but a person can go on. */
  get waitsForPerson(): boolean {
    return this.#asked.size > 0;
  }

  /** Tools that run: each has a deadline of its own. */
  get tools(): string[] {
    return [...new Set(this.#tools.values())];
  }

  since(startedAt: number): number {
    return Math.max(this.#at, startedAt);
  }
}

/** Tells of turns in which nothing happens, and ends those in which nothing will. */
export class StuckWatch {
  readonly #clock: Pick<Clock, "now">;
  readonly #limits: StuckLimits;
  readonly #runs: () => Iterable<Quiet>;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, "now">, limits: StuckLimits, runs: () => Iterable<Quiet>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#runs = runs;
  }

  /** Look now and then, until it is stopped. */
  start(): void {
    const { stuckWarnMs, stuckAbortMs } = this.#limits;
    this.#timer ??= setInterval(() => this.look(), Math.min(15_000, stuckWarnMs / 2, stuckAbortMs / 2)).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { stuckWarnMs, stuckAbortMs } = this.#limits;
    for (const run of this.#runs()) {
      const { startedAt, over, progress } = run;
      if (startedAt === undefined || over || progress.waitsForPerson) continue;
      const quiet = this.#clock.now() - progress.since(startedAt);
      if (quiet >= stuckAbortMs && progress.tools.length === 0) run.abort(stuck(quiet));
      else if (quiet >= stuckWarnMs && !progress.told) {
        progress.told = true;
        const tools = progress.tools.map((name) => `\`${visible(name, { max: 80 })}\``).join(", ");
        const who = tools === "" ? "The model or its harness says" : `${tools} ${progress.tools.length === 1 ? "says" : "say"}`;
        run.emit({ type: "warning", code: QUIET, message: `${who} nothing since ${words(quiet)}. \`/stop\` ends the turn.` });
      }
    }
  }
}

const QUIET = "PLINTH_TURN_QUIET";

const words = (ms: number): string => (ms < 120_000 ? `${Math.round(ms / 1_000)} seconds` : `${Math.round(ms / 60_000)} minutes`);

const stuck = (quiet: number): PlinthError =>
  new PlinthError("PLINTH_TURN_STUCK", `Nothing happened in the turn for ${words(quiet)}, so it was ended.`, {
    next: 'Send the message again. Where a model of yours needs longer, raise extensions["plinth.runs"].config.stuckAbortMs.',
  });
