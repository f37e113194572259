import { errors } from "../errors.ts";
import type { WorkData } from "./bridge.ts";
import { addDeadline, type Deadline, removeDeadline } from "./deadlines.ts";
import { isPlinthError, owned, type PlinthError } from "./error.ts";

/** One call as its receiver sees it. The signal is made when it is first asked for: most calls never do. */
export class Call {
  readonly caller: string;
  readonly work: WorkData | undefined;
  #parent: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;
  /** Set by whoever waits for the receiver: ends that wait. */
  fail: ((reason: PlinthError) => void) | null = null;
  cancelled: PlinthError | null = null;

  constructor(caller: string, work: WorkData | undefined, parent: AbortSignal | undefined) {
    this.caller = caller;
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

  readonly #onParent = (): void => this.#controller?.abort(this.#parent?.reason);

  abort(reason: unknown): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
    this.release();
  }

  /** End it from outside, whatever its receiver does: its caller gets `reason`. */
  cancel(reason: PlinthError): void {
    this.cancelled = reason;
    this.abort(reason);
    this.fail?.(reason);
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
    let deadline: Deadline | undefined;
    const onAbort = (): void => {
      finish();
      call?.abort(parent?.reason);
      reject(abortError(parent, what));
    };
    const finish = (): void => {
      if (deadline !== undefined) removeDeadline(deadline);
      parent?.removeEventListener("abort", onAbort);
      if (waiting !== null) waiting.fail = null;
      call?.release();
    };
    if (waiting !== null) {
      waiting.fail = (reason) => {
        finish();
        reject(reason);
      };
    }
    if (deadlineMs > 0) {
      deadline = addDeadline(deadlineMs, () => {
        const error = errors.deadline(owner, what, deadlineMs);
        finish();
        call?.abort(error);
        reject(error);
      });
    }
    parent?.addEventListener("abort", onAbort, { once: true });
    pending.then(
      (value) => {
        finish();
        resolve(value);
      },
      (thrown) => {
        finish();
        reject(owned(thrown, owner));
      },
    );
  });
}

export function abortError(signal: AbortSignal | undefined, what: string): PlinthError {
  return isPlinthError(signal?.reason) ? signal.reason : errors.aborted(what);
}

/**
 * Follow a receiver's stream: each item within the deadline, errors owned, an early end of the consumer told to the
 * receiver, and every step inside the work that opened it (`enter`), wherever the consumer pulls from.
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
      Promise.resolve(enter(() => returning.call(iterator))).catch(() => {});
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
      if (!over) {
        stop(errors.aborted(what));
        finish(null);
      }
      return { done: true, value };
    },
  };
}
