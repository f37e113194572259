type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };

export class Event {
  readonly type: string;
  target: EventTarget | null = null;
  defaultPrevented = false;

  constructor(type: string) {
    this.type = String(type);
  }

  get currentTarget(): EventTarget | null {
    return this.target;
  }

  preventDefault(): void {
    this.defaultPrevented = true;
  }
}

export class EventTarget {
  readonly #listeners = new Map<string, Map<Listener, boolean>>();

  addEventListener(type: string, listener: Listener | null, options?: { once?: boolean; signal?: AbortSignal } | boolean): void {
    if (listener === null) return;
    const all = this.#listeners.get(type) ?? new Map<Listener, boolean>();
    this.#listeners.set(type, all);
    const { once = false, signal } = typeof options === "object" ? options : {};
    if (signal?.aborted) return;
    if (!all.has(listener)) all.set(listener, once);
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener), { once: true });
  }

  removeEventListener(type: string, listener: Listener | null): void {
    if (listener !== null) this.#listeners.get(type)?.delete(listener);
  }

  dispatchEvent(event: Event): boolean {
    event.target = this;
    for (const [listener, once] of [...(this.#listeners.get(event.type) ?? [])]) {
      if (once) this.removeEventListener(event.type, listener);
      try {
        if (typeof listener === "function") listener.call(this, event);
        else listener.handleEvent(event);
      } catch {
        // As in a browser, one listener's failure is none of the others.
      }
    }
    return !event.defaultPrevented;
  }
}

export class DOMException extends Error {
  constructor(message = "", name = "Error") {
    super(message);
    Object.defineProperty(this, "name", { value: name, configurable: true, writable: true });
  }
}

const MAKE = Symbol("make");
/** A signal is aborted by its controller only. */
let trigger: (signal: AbortSignal, reason: unknown) => void;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown;
  onabort: ((event: Event) => void) | null = null;

  constructor(key?: symbol) {
    super();
    if (key !== MAKE) throw new TypeError("Illegal constructor");
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(MAKE);
    trigger(signal, reason);
    return signal;
  }

  static timeout(ms: number): AbortSignal {
    const signal = new AbortSignal(MAKE);
    setTimeout(() => trigger(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const all = [...signals];
    const made = new AbortSignal(MAKE);
    const done = all.find((one) => one.aborted);
    if (done !== undefined) trigger(made, done.reason);
    else for (const one of all) one.addEventListener("abort", () => trigger(made, one.reason), { once: true });
    return made;
  }

  static {
    trigger = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
      const event = new Event("abort");
      try {
        signal.onabort?.(event);
      } catch {
        // As with listeners.
      }
      signal.dispatchEvent(event);
    };
  }
}

export class AbortController {
  readonly signal = new AbortSignal(MAKE);

  abort(reason?: unknown): void {
    trigger(this.signal, reason);
  }
}
