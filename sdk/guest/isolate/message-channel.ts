type Handler = ((event: Event) => void) | null;

interface State {
  other: MessagePort | null;
  started: boolean;
  waiting: unknown[];
  onmessage: Handler;
}
const states = new WeakMap<MessagePort, State>();
const stateOf = (port: MessagePort): State => states.get(port) as State;
const MAKE = Symbol("make");

/** One of two ends: what is posted at one arrives at the other in a later turn, as a copy. */
export class MessagePort extends EventTarget {
  constructor(key?: symbol) {
    if (key !== MAKE) throw new TypeError("Illegal constructor");
    super();
    states.set(this, { other: null, started: false, waiting: [], onmessage: null });
  }

  get onmessage(): Handler {
    return stateOf(this).onmessage;
  }

  set onmessage(handler: Handler) {
    stateOf(this).onmessage = typeof handler === "function" ? handler : null;
    this.start();
  }

  postMessage(message: unknown, options: { transfer?: Transferable[] } | Transferable[] = {}): void {
    const data = structuredClone(message, Array.isArray(options) ? { transfer: options } : options);
    const { other } = stateOf(this);
    if (other === null) return;
    const state = stateOf(other);
    state.waiting.push(data);
    if (state.started) setTimeout(() => deliver(other), 0);
  }

  start(): void {
    const state = stateOf(this);
    if (state.started) return;
    state.started = true;
    if (state.waiting.length > 0) setTimeout(() => deliver(this), 0);
  }

  close(): void {
    const state = stateOf(this);
    if (state.other !== null) stateOf(state.other).other = null;
    state.other = null;
  }

  get [Symbol.toStringTag](): string {
    return "MessagePort";
  }
}

function deliver(port: MessagePort): void {
  const state = stateOf(port);
  for (const data of state.waiting.splice(0)) {
    const event = new MessageEvent("message", { data });
    try {
      state.onmessage?.call(port, event);
    } catch {
      // As in a browser, one listener's failure is none of the others.
    }
    port.dispatchEvent(event);
  }
}

export class MessageChannel {
  readonly port1 = new MessagePort(MAKE);
  readonly port2 = new MessagePort(MAKE);

  constructor() {
    stateOf(this.port1).other = this.port2;
    stateOf(this.port2).other = this.port1;
  }
}
