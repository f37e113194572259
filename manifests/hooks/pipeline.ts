import { isDeepStrictEqual } from "node:util";
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncHook, SyncWaterfallHook } from "tapable";
import type { HookMode } from "../define.ts";
import { errors } from "../errors.ts";
import type { Breaker } from "../wire/breaker.ts";
import type { CallOptions, WorkData } from "../wire/bridge.ts";
import { Call, settle } from "../wire/call.ts";
import { owned, type PlinthError } from "../wire/error.ts";
import type { Stage } from "./order.ts";

/** What is told of a third party that had a hand in it. */
export interface TouchedWork extends WorkData {
  touched(extension: string, how: string): void;
}

/** A subscriber as the pipeline runs it: in order, with an owner, a deadline, a breaker and counts. */
export interface Tap {
  readonly extension: string;
  /** Of the product, or run by the operator inside the host. */
  readonly trusted: boolean;
  readonly stage: Stage;
  readonly deadlineMs: number;
  readonly closed: boolean;
  readonly breaker: Breaker;
  readonly counts: { calls: number; errors: number };
  run(payload: unknown, call: Call): unknown;
  /** Start it, so that it can answer a synchronous hook at once. */
  ready?(): Promise<void>;
  failed(error: PlinthError): void;
}

export interface HookShape {
  readonly name: string;
  readonly contract: string;
  readonly mode: HookMode;
  readonly deadlineMs: number;
  readonly failure: "open" | "closed";
}

interface Firing {
  readonly caller: string;
  readonly work: TouchedWork | undefined;
  readonly signal: AbortSignal | undefined;
  by: string;
}

type Done = (error?: Error | null, result?: unknown) => void;
type AsyncTap = (payload: unknown, firing: Firing, done: Done) => void;
interface AsyncHook {
  tapAsync(name: string, tap: AsyncTap): void;
  callAsync(payload: unknown, firing: Firing, done: Done): void;
}
interface SyncHookLike {
  tap(name: string, tap: (payload: unknown, firing: Firing) => unknown): void;
  call(payload: unknown, firing: Firing): unknown;
}

// tapable types the argument list as a tuple of its own kind; the names only serve its generated code.
const ARGS = ["payload", "firing"] as never;

/** The tapable class follows from the mode: which merge rule holds is never the subscribers' choice. */
function makeAsync(mode: HookMode): AsyncHook {
  if (mode === "observe") return new AsyncParallelHook(ARGS) as unknown as AsyncHook;
  if (mode === "transform") return new AsyncSeriesWaterfallHook(ARGS) as unknown as AsyncHook;
  return new AsyncSeriesBailHook(ARGS) as unknown as AsyncHook;
}

function makeSync(mode: HookMode): SyncHookLike {
  if (mode === "transform-sync") return new SyncWaterfallHook(ARGS) as unknown as SyncHookLike;
  return new SyncHook(ARGS) as unknown as SyncHookLike;
}

/** An immutable pipeline of one hook in one generation. */
export class Pipeline {
  readonly shape: HookShape;
  readonly taps: readonly Tap[];
  readonly #hook: AsyncHook | SyncHookLike | null;

  constructor(shape: HookShape, taps: readonly Tap[]) {
    this.shape = shape;
    this.taps = taps;
    if (taps.length === 0) this.#hook = null;
    else if (shape.mode.endsWith("-sync")) {
      const hook = makeSync(shape.mode);
      for (const tap of taps) hook.tap(tap.extension, (payload, firing) => this.#runSync(tap, payload, firing));
      this.#hook = hook;
    } else {
      const hook = makeAsync(shape.mode);
      for (const tap of taps) hook.tapAsync(tap.extension, (payload, firing, done) => this.#run(tap, payload, firing, done));
      this.#hook = hook;
    }
  }

  /** Resolves to the mode's outcome: nothing, the payload, a verdict, or a claim. */
  async fire(caller: string, payload: unknown, work: TouchedWork | undefined, options: CallOptions = {}): Promise<unknown> {
    const { mode } = this.shape;
    if (this.#hook === null) return outcome(mode, payload, undefined, "");
    const firing: Firing = { caller, work, signal: options.signal, by: "" };
    if (mode.endsWith("-sync")) {
      await Promise.allSettled(this.taps.map((tap) => tap.ready?.()));
      return outcome(mode, (this.#hook as SyncHookLike).call(payload, firing) ?? payload, undefined, "");
    }
    return new Promise((resolve, reject) => {
      (this.#hook as AsyncHook).callAsync(payload, firing, (error, result) => {
        if (error) reject(error);
        else resolve(outcome(mode, mode === "transform" ? result : payload, result, firing.by));
      });
    });
  }

  #run(tap: Tap, payload: unknown, firing: Firing, done: Done): void {
    const { mode } = this.shape;
    if (!tap.breaker.allows()) return this.#failed(tap, errors.breakerOpen(tap.extension), firing, done, false);
    tap.counts.calls++;
    const call = new Call(firing.caller, firing.work, firing.signal);
    settle(tap.extension, this.shape.name, call, firing.signal, tap.deadlineMs, () => tap.run(payload, call)).then(
      (answer) => {
        tap.breaker.succeeded();
        if (mode === "observe" || answer === undefined || answer === null) return done();
        if (mode === "gate" && !isDenial(answer)) {
          return this.#failed(tap, errors.payload(tap.extension, this.shape.name, "a gate answers nothing or { deny: reason }"), firing, done, true);
        }
        if (mode === "transform" && typeof answer !== typeof payload) {
          return this.#failed(tap, errors.payload(tap.extension, this.shape.name, "a transform answers the whole payload"), firing, done, true);
        }
        if (mode !== "transform" || tap.trusted || !isDeepStrictEqual(answer, payload)) this.#mark(tap, firing);
        firing.by = tap.extension;
        done(null, answer);
      },
      (error: PlinthError) => this.#failed(tap, error, firing, done, true),
    );
  }

  #runSync(tap: Tap, payload: unknown, firing: Firing): unknown {
    if (!tap.breaker.allows()) return undefined;
    tap.counts.calls++;
    try {
      const answer = tap.run(payload, new Call(firing.caller, firing.work, firing.signal));
      if (answer instanceof Promise) {
        answer.catch(() => {});
        throw errors.payload(tap.extension, this.shape.name, "a synchronous hook is answered at once");
      }
      tap.breaker.succeeded();
      return answer;
    } catch (thrown) {
      const error = owned(thrown, tap.extension);
      tap.counts.errors++;
      tap.breaker.failed();
      tap.failed(error);
      if (tap.closed) throw error;
      return undefined;
    }
  }

  /** What a third party changed, or gave as an answer or a reason, goes on into the work. */
  #mark({ trusted, extension }: Tap, { work }: Firing): void {
    if (!trusted) work?.touched(extension, `${this.shape.mode === "transform" ? "changed" : "answered"} ${this.shape.name}`);
  }

  /** Isolation: a failing subscriber is skipped where the hook fails open, and decides where it fails closed. */
  #failed(tap: Tap, error: PlinthError, firing: Firing, done: Done, count: boolean): void {
    if (firing.signal?.aborted) return this.shape.mode === "observe" ? done() : done(errors.aborted(this.shape.name));
    if (count) {
      tap.counts.errors++;
      tap.breaker.failed();
      tap.failed(error);
    }
    if (!tap.closed || this.shape.mode === "observe") return done();
    this.#mark(tap, firing);
    firing.by = tap.extension;
    if (this.shape.mode === "gate") return done(null, { deny: `${error.code}: ${error.message}` });
    done(error);
  }
}

export const isDenial = (answer: unknown): answer is { deny: string } =>
  typeof answer === "object" && answer !== null && typeof (answer as { deny?: unknown }).deny === "string";

function outcome(mode: HookMode, payload: unknown, answer: unknown, by: string): unknown {
  if (mode === "transform" || mode === "transform-sync") return payload;
  if (mode === "gate") return isDenial(answer) ? { allowed: false, reason: answer.deny, by } : { allowed: true };
  if (mode === "claim") return answer === undefined ? undefined : { by, answer };
  return undefined;
}
