import { DOMException, Event, EventTarget, handlerProperty } from "./events.ts";

const MAKE = Symbol("make");

interface Held {
  aborted: boolean;
  reason: unknown;
  /** Signals that abort with this one. */
  readonly dependents: Set<AbortSignal>;
  /** Signals that it was made of by `any`, none of them made so itself. */
  sources: readonly AbortSignal[];
  handler: { get(): unknown; set(value: unknown): void } | null;
}
const states = new WeakMap<AbortSignal, Held>();
const stateOf = (signal: unknown): Held => {
  const state = states.get(signal as AbortSignal);
  if (state === undefined) throw new TypeError("Illegal invocation");
  return state;
};

export class AbortSignal extends EventTarget {
  constructor(key?: symbol) {
    if (key !== MAKE) throw new TypeError("Illegal constructor");
    super();
    states.set(this, { aborted: false, reason: undefined, dependents: new Set(), sources: [], handler: null });
  }

  get aborted(): boolean {
    return stateOf(this).aborted;
  }

  get reason(): unknown {
    return stateOf(this).reason;
  }

  get onabort(): unknown {
    return stateOf(this).handler?.get() ?? null;
  }

  set onabort(value: unknown) {
    const state = stateOf(this);
    state.handler ??= handlerProperty(this, "abort");
    state.handler.set(value);
  }

  throwIfAborted(): void {
    const { aborted, reason } = stateOf(this);
    if (aborted) throw reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(MAKE);
    Object.assign(stateOf(signal), { aborted: true, reason: reasonOf(reason) });
    return signal;
  }

  static timeout(ms: number): AbortSignal {
    const wait = Number(ms);
    if (!(wait >= 0 && wait <= Number.MAX_SAFE_INTEGER)) throw new TypeError("a timeout is a number of milliseconds");
    const signal = new AbortSignal(MAKE);
    setTimeout(() => trigger(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), wait);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const all = [...signals];
    for (const one of all) stateOf(one);
    const made = new AbortSignal(MAKE);
    const done = all.find((one) => one.aborted);
    if (done !== undefined) Object.assign(stateOf(made), { aborted: true, reason: done.reason });
    else {
      const sources = new Set(all.flatMap((one) => (stateOf(one).sources.length > 0 ? stateOf(one).sources : [one])));
      stateOf(made).sources = [...sources];
      for (const one of sources) stateOf(one).dependents.add(made);
    }
    return made;
  }

  override get [Symbol.toStringTag](): string {
    return "AbortSignal";
  }
}

const reasonOf = (reason: unknown): unknown => (reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason);

/** A signal is aborted by its controller only, and those that depend on it with it: all have the reason before anybody hears of one. */
function trigger(signal: AbortSignal, reason: unknown): void {
  const state = stateOf(signal);
  if (state.aborted) return;
  const all = [signal, ...[...state.dependents].filter((one) => !one.aborted)];
  for (const one of all) Object.assign(stateOf(one), { aborted: true, reason: one === signal ? reasonOf(reason) : state.reason });
  for (const one of all) {
    for (const source of stateOf(one).sources) stateOf(source).dependents.delete(one);
    const event = new Event("abort");
    Object.defineProperty(event, "isTrusted", { value: true });
    one.dispatchEvent(event);
  }
}

export class AbortController {
  readonly #signal = new AbortSignal(MAKE);

  get signal(): AbortSignal {
    return this.#signal;
  }

  abort(reason?: unknown): void {
    trigger(this.#signal, reason);
  }

  get [Symbol.toStringTag](): string {
    return "AbortController";
  }
}
