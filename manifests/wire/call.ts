import { errors } from "../errors.ts";
import type { Aborts, WorkData } from "./bridge.ts";
import { addDeadline, type Deadline, removeDeadline } from "./deadlines.ts";
import { isPlinthError, owned, type PlinthError } from "./error.ts";

/** One call as its receiver sees it. The signal is made when it is first asked for: most calls never do. */
export class Call implements Aborts {
  readonly caller: string;
  readonly work: WorkData | undefined;
  /** Whose share of a budget it takes; null = nobody's. */
  readonly party: string | null;
  #parent: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;
  #listener: { handleEvent(): void } | null = null;
  /** Whoever waits for the receiver now. */
  waiting: { fail(reason: PlinthError): void } | null = null;
  cancelled: PlinthError | null = null;

  constructor(caller: string, work: WorkData | undefined, parent: AbortSignal | undefined, party: string | null = null) {
    this.caller = caller;
    this.party = party;
    this.work = work;
    this.#parent = parent;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
      else if (this.#parent?.aborted) this.#controller.abort(this.#parent.reason);
      else this.#parent?.addEventListener("abort", this.#onParent, { once: true });
    }
    return this.#controller.signal;
  }

  get aborts(): Aborts {
    return this;
  }

  get aborted(): boolean {
    return this.#reason !== undefined || this.#parent?.aborted === true;
  }

  get reason(): unknown {
    return this.#reason ?? this.#parent?.reason;
  }

  /** One listener needs no signal. While its answer is waited for, `settle` tells a call that its parent was aborted. */
  addEventListener(type: "abort", listener: { handleEvent(): void }): void {
    if (this.#listener === null && this.#controller === undefined) this.#listener = listener;
    else this.signal.addEventListener(type, listener, { once: true });
  }

  removeEventListener(type: "abort", listener: { handleEvent(): void }): void {
    if (this.#listener === listener) this.#listener = null;
    else this.#controller?.signal.removeEventListener(type, listener);
  }

  readonly #onParent = (): void => this.#controller?.abort(this.#parent?.reason);

  abort(reason: unknown): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
    const listener = this.#listener;
    this.#listener = null;
    listener?.handleEvent();
    this.release();
  }

  /** End it from outside, whatever its receiver does: its caller gets `reason`. */
  cancel(reason: PlinthError): void {
    this.cancelled = reason;
    this.abort(reason);
    this.waiting?.fail(reason);
  }

  /** The call is over: let go of the parent's signal. */
  release(): void {
    if (this.#controller !== undefined) this.#parent?.removeEventListener("abort", this.#onParent);
  }
}

// It is handed to every receiver in this process: what one of them does to it must not reach the others.
Object.freeze(Call.prototype);

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  value !== null && typeof value === "object" && typeof (value as { then?: unknown }).then === "function";

/**
 * Await a receiver's answer with an owner for its errors and a bound on the wait. 0 = unbounded. `call` is over with it;
 * `waiting` is the call whose cancelling ends the wait, where that goes on after it.
 */
export function settle(
  owner: string,
  what: string,
  call: Call | null,
  parent: AbortSignal | undefined,
  deadlineMs: number,
  run: () => unknown,
  waiting: Call | null = call,
): Promise<unknown> {
  if (parent?.aborted) return Promise.reject(abortError(parent, what));
  let result: unknown;
  try {
    result = run();
  } catch (thrown) {
    return Promise.reject(owned(thrown, owner));
  }
  if (!isThenable(result)) {
    call?.release();
    return Promise.resolve(result);
  }
  const pending = result;
  return new Promise((resolve, reject) => {
    const wait = new Wait(owner, what, call, waiting, parent, reject);
    if (deadlineMs > 0) wait.until(deadlineMs);
    pending.then(
      (value) => {
        wait.over();
        resolve(value);
      },
      (thrown) => wait.fail(owned(thrown, owner)),
    );
  });
}

/** One wait for an answer. An object and not a handful of functions: there is one for each call. */
class Wait {
  readonly #owner: string;
  readonly #what: string;
  readonly #call: Call | null;
  readonly #held: Call | null;
  readonly #parent: AbortSignal | undefined;
  readonly #reject: (error: unknown) => void;
  #deadline: Deadline | undefined;

  constructor(owner: string, what: string, call: Call | null, held: Call | null, parent: AbortSignal | undefined, reject: (error: unknown) => void) {
    this.#owner = owner;
    this.#what = what;
    this.#call = call;
    this.#held = held;
    this.#parent = parent;
    this.#reject = reject;
    if (held !== null) held.waiting = this;
    parent?.addEventListener("abort", this, { once: true });
  }

  until(deadlineMs: number): void {
    this.#deadline = addDeadline(deadlineMs, () => {
      const error = errors.deadline(this.#owner, this.#what, deadlineMs);
      this.#call?.abort(error);
      this.fail(error);
    });
  }

  /** The parent was aborted. */
  handleEvent(): void {
    this.#call?.abort(this.#parent?.reason);
    this.fail(abortError(this.#parent, this.#what));
  }

  fail(error: unknown): void {
    this.over();
    this.#reject(error);
  }

  over(): void {
    if (this.#deadline !== undefined) removeDeadline(this.#deadline);
    this.#parent?.removeEventListener("abort", this);
    if (this.#held !== null) this.#held.waiting = null;
    this.#call?.release();
  }
}

export function abortError(signal: AbortSignal | undefined, what: string): PlinthError {
  return isPlinthError(signal?.reason) ? signal.reason : errors.aborted(what);
}

/** How long `return` of a failed stream waits for its receiver to leave, in ms. */
const LEAVE_MS = 2000;

/** Resolves with `leaving`, what a receiver does to leave, or when that takes too long. Never rejects. */
async function hasLeft(leaving: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LEAVE_MS);
  await Promise.race([leaving.catch(() => {}), promise]);
  clearTimeout(timer);
}

/**
 * Follow a receiver's stream: each item within the deadline, errors owned, an early end of the consumer told to the
 * receiver, and every step inside the work that opened it (`enter`), wherever the consumer pulls from.
 * A step fails at once, whatever the receiver still does; whoever has to know that it left calls `return` after that.
 */
export function followStream(
  owner: string,
  what: string,
  call: Call,
  parent: AbortSignal | undefined,
  deadlineMs: number,
  open: () => AsyncIterable<unknown>,
  enter: <T>(body: () => T) => T,
  done: (failed: unknown) => void,
): AsyncIterableIterator<unknown> {
  let inner: AsyncIterator<unknown> | undefined;
  let over = false;
  let left: Promise<unknown> = Promise.resolve();
  const finish = (failed: unknown): void => {
    if (over) return;
    over = true;
    call.release();
    done(failed);
  };
  const stop = (reason: unknown): void => {
    call.abort(reason);
    const returning = inner?.return;
    if (returning !== undefined && inner !== undefined) {
      const iterator = inner;
      // The receiver may be stuck in its own await: its cleanup is asked for, not waited for.
      left = Promise.resolve(enter(() => returning.call(iterator))).catch(() => {});
    }
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (over) return { done: true, value: undefined };
      const pull = (): unknown =>
        enter(() => {
          inner ??= open()[Symbol.asyncIterator]();
          return inner.next();
        });
      try {
        if (call.cancelled !== null) throw call.cancelled;
        const step = (await settle(owner, what, null, parent, deadlineMs, pull, call)) as IteratorResult<unknown>;
        if (step.done) finish(null);
        return step;
      } catch (thrown) {
        stop(thrown);
        finish(thrown);
        throw thrown;
      }
    },
    async return(value) {
      if (over) await hasLeft(left);
      else {
        stop(errors.aborted(what));
        finish(null);
      }
      return { done: true, value };
    },
  };
}
