export interface Failure {
  code: string;
  message: string;
  next?: string;
  extension?: string;
}
export type State = "connecting" | "online" | "offline" | "refused";

interface Pending {
  resolve(result: any): void;
  reject(failure: Failure): void;
  onEvent?: ((data: any) => void) | undefined;
}

export const LOST: Failure = {
  code: "PLINTH_CONNECTION_LOST",
  message: "The connection to the gateway was lost.",
  next: "It did not arrive before that: send the message again.",
};

/** The gateway over WebSocket: requests with answers, streams with events, and a connection that comes back. */
export class Gateway {
  readonly #onState: (state: State, detail?: Failure) => void;
  readonly #pending = new Map<string, Pending>();
  #socket: WebSocket | undefined;
  #token = "";
  #state: State = "offline";
  #count = 0;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(onState: (state: State, detail?: Failure) => void) {
    this.#onState = onState;
    const now = (): void => {
      if (this.#state === "offline" && document.visibilityState === "visible") this.#open();
    };
    addEventListener("online", now);
    document.addEventListener("visibilitychange", now);
  }

  connect(token: string): void {
    this.#token = token;
    this.#open();
  }

  /** Ask for one answer; with `onEvent`, follow a stream to its end. Rejects with a Failure. */
  ask<T = any>(method: string, params: unknown = {}, onEvent?: (data: any) => void): Promise<T> {
    return this.#state === "online" ? this.#request(method, params, onEvent) : Promise.reject(LOST);
  }

  #request(method: string, params: unknown, onEvent?: (data: any) => void): Promise<any> {
    const id = String(++this.#count);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onEvent });
      this.#socket?.send(JSON.stringify({ type: "req", id, method, params }));
    });
  }

  #open(): void {
    clearTimeout(this.#retry);
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket?.close();
    this.#socket = socket;
    this.#set("connecting");
    socket.addEventListener("open", () => {
      this.#request("connect", { token: this.#token, protocol: 1, client: "webchat" }).then(
        () => {
          this.#failures = 0;
          this.#set("online");
        },
        (failure: Failure) => {
          if (socket !== this.#socket || failure === LOST) return;
          this.#socket = undefined;
          this.#set("refused", failure);
        },
      );
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#receive(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      const pending = [...this.#pending.values()];
      this.#pending.clear();
      for (const { reject } of pending) reject(LOST);
      // Half a second, doubled up to ten, and not all pages at once.
      const wait = Math.min(10_000, 500 * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
      this.#retry = setTimeout(() => this.#open(), wait);
      this.#set("offline");
    });
  }

  #receive(frame: { type: string; id: string; ok?: boolean; result?: unknown; error?: Failure; data?: unknown }): void {
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) return;
    if (frame.type === "event") {
      pending.onEvent?.(frame.data);
      return;
    }
    this.#pending.delete(frame.id);
    if (frame.ok) pending.resolve(frame.result);
    else pending.reject(frame.error ?? LOST);
  }

  #set(state: State, detail?: Failure): void {
    this.#state = state;
    this.#onState(state, detail);
  }
}
