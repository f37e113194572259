import { codeOf } from "./exception-codes.ts";

type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };
interface Registered {
  readonly listener: Listener;
  readonly capture: boolean;
  readonly once: boolean;
  readonly passive: boolean;
  removed: boolean;
}

export class DOMException extends Error {
  constructor(message = "", options: string | { name?: string; cause?: unknown } = "Error") {
    super(String(message));
    const { name = "Error", cause } = typeof options === "object" && options !== null ? options : { name: String(options) };
    Object.defineProperty(this, "name", { value: name, configurable: true, writable: true });
    if (typeof options === "object" && options !== null && "cause" in options)
      Object.defineProperty(this, "cause", { value: cause, configurable: true, writable: true });
  }

  get code(): number {
    return codeOf(this.name);
  }
}
/** How far an event is on its way. */
interface Way {
  target: EventTarget | null;
  current: EventTarget | null;
  dispatching: boolean;
  stopped: boolean;
  stoppedAtOnce: boolean;
  canceled: boolean;
  passive: boolean;
}
const ways = new WeakMap<Event, Way>();
const wayOf = (event: Event): Way => {
  const way = ways.get(event);
  if (way === undefined) throw new TypeError("Illegal invocation");
  return way;
};
/** The time origin of this isolate, for what events say about when they were made. */
const began = Date.now();

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  declare readonly NONE: 0;
  declare readonly CAPTURING_PHASE: 1;
  declare readonly AT_TARGET: 2;
  declare readonly BUBBLING_PHASE: 3;
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp = Date.now() - began;
  readonly isTrusted = false;

  constructor(...given: [type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean } | null]) {
    const [type, init] = given;
    if ((given.length as number) === 0) throw new TypeError("An event has a type");
    this.type = String(type);
    const { bubbles = false, cancelable = false, composed = false } = init ?? {};
    [this.bubbles, this.cancelable, this.composed] = [Boolean(bubbles), Boolean(cancelable), Boolean(composed)];
    ways.set(this, { target: null, current: null, dispatching: false, stopped: false, stoppedAtOnce: false, canceled: false, passive: false });
  }

  get target(): EventTarget | null {
    return wayOf(this).target;
  }

  get srcElement(): EventTarget | null {
    return wayOf(this).target;
  }

  get currentTarget(): EventTarget | null {
    return wayOf(this).current;
  }

  get eventPhase(): number {
    return wayOf(this).current === null ? 0 : 2;
  }

  get defaultPrevented(): boolean {
    return wayOf(this).canceled;
  }

  get returnValue(): boolean {
    return !wayOf(this).canceled;
  }

  set returnValue(value: boolean) {
    if (!value) this.preventDefault();
  }

  get cancelBubble(): boolean {
    return wayOf(this).stopped;
  }

  set cancelBubble(value: boolean) {
    if (value) wayOf(this).stopped = true;
  }

  composedPath(): EventTarget[] {
    const { current } = wayOf(this);
    return current === null ? [] : [current];
  }

  preventDefault(): void {
    const way = wayOf(this);
    if (this.cancelable && !way.passive) way.canceled = true;
  }

  stopPropagation(): void {
    wayOf(this).stopped = true;
  }

  stopImmediatePropagation(): void {
    Object.assign(wayOf(this), { stopped: true, stoppedAtOnce: true });
  }

  get [Symbol.toStringTag](): string {
    return "Event";
  }
}
Object.assign(Event.prototype, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

export class EventTarget {
  readonly #listeners = new Map<string, Registered[]>();

  addEventListener(type: string, listener: Listener | null, options?: AddOptions | boolean): void {
    const { capture = false, once = false, passive = false, signal } = optionsOf(options);
    if (signal === null || (signal !== undefined && typeof signal.addEventListener !== "function"))
      throw new TypeError("a listener's signal is an AbortSignal");
    if (listener === null || listener === undefined) return;
    if (typeof listener !== "function" && typeof listener !== "object") throw new TypeError("a listener is a function or has handleEvent");
    if (signal?.aborted) return;
    const [name, all] = [String(type), this.#listeners.get(String(type)) ?? []];
    if (all.some((one) => one.listener === listener && one.capture === Boolean(capture))) return;
    const added: Registered = { listener, capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), removed: false };
    this.#listeners.set(name, [...all, added]);
    signal?.addEventListener("abort", () => this.removeEventListener(name, listener, added.capture), { once: true });
  }

  removeEventListener(type: string, listener: Listener | null, options?: AddOptions | boolean): void {
    const capture = Boolean(optionsOf(options).capture);
    const all = this.#listeners.get(String(type)) ?? [];
    const gone = all.find((one) => one.listener === listener && one.capture === capture);
    if (gone === undefined) return;
    gone.removed = true;
    this.#listeners.set(
      String(type),
      all.filter((one) => one !== gone),
    );
  }

  dispatchEvent(event: Event): boolean {
    const way = event instanceof Event ? wayOf(event) : undefined;
    if (way === undefined) throw new TypeError("dispatchEvent takes an Event");
    if (way.dispatching) throw new DOMException("The event is already being dispatched.", "InvalidStateError");
    Object.assign(way, { dispatching: true, target: this, current: this });
    const all = this.#listeners.get(event.type) ?? [];
    // Whoever captures comes first, also at the only target there is.
    for (const one of [...all.filter(({ capture }) => capture), ...all.filter(({ capture }) => !capture)]) {
      if (one.removed || way.stoppedAtOnce) continue;
      if (one.once) this.removeEventListener(event.type, one.listener, one.capture);
      way.passive = one.passive;
      try {
        if (typeof one.listener === "function") one.listener.call(this, event);
        else one.listener.handleEvent(event);
      } catch {
        // As in a browser, one listener's failure is none of the others.
      }
    }
    Object.assign(way, { dispatching: false, current: null, stopped: false, stoppedAtOnce: false, passive: false });
    return !way.canceled;
  }

  get [Symbol.toStringTag](): string {
    return "EventTarget";
  }
}

interface AddOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: { readonly aborted: boolean; addEventListener(type: "abort", listener: () => void, options: { once: true }): void } | null;
}

const optionsOf = (options: AddOptions | boolean | null | undefined): AddOptions =>
  typeof options === "object" && options !== null ? options : { capture: Boolean(options) };

/** The `on…` property of a target: one listener, which keeps its place while it is replaced. */
export function handlerProperty(target: EventTarget, type: string): { get(): unknown; set(value: unknown): void } {
  let handler: unknown = null;
  const listener = (event: Event): void => {
    if (typeof handler === "function") handler.call(target, event);
  };
  return {
    get: () => handler,
    set(value) {
      const next = typeof value === "function" || (typeof value === "object" && value !== null) ? value : null;
      if (handler === null && next !== null) target.addEventListener(type, listener);
      if (next === null) target.removeEventListener(type, listener);
      handler = next;
    },
  };
}
