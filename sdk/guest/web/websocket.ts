import type { Bridge, SocketItem } from "@plinth/manifests/wire/bridge.ts";

type Listener = ((event: Event) => void) | null;
type EventClass = new (type: string) => Event;
type TargetClass = new () => EventTarget;

const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];

/** Web sockets over the host's egress, as classes on the EventTarget that is there. */
export function webSocketClasses(bridge: Bridge, EventBase: EventClass, Target: TargetClass, makeError: (message: string, name: string) => Error) {
  class MessageEvent extends EventBase {
    readonly data: unknown;
    constructor(type: string, { data = null }: { data?: unknown } = {}) {
      super(type);
      this.data = data;
    }
  }

  class CloseEvent extends EventBase {
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;
    constructor(type: string, { code = 0, reason = "", wasClean = false }: { code?: number; reason?: string; wasClean?: boolean } = {}) {
      super(type);
      this.code = code;
      this.reason = reason;
      this.wasClean = wasClean;
    }
  }

  class ErrorEvent extends EventBase {
    readonly error: unknown;
    readonly message: string;
    constructor(type: string, { error, message = "" }: { error?: unknown; message?: string } = {}) {
      super(type);
      this.error = error;
      this.message = message;
    }
  }

  class WebSocket extends Target {
    static readonly CONNECTING = CONNECTING;
    static readonly OPEN = OPEN;
    static readonly CLOSING = CLOSING;
    static readonly CLOSED = CLOSED;
    readonly CONNECTING = CONNECTING;
    readonly OPEN = OPEN;
    readonly CLOSING = CLOSING;
    readonly CLOSED = CLOSED;
    readonly url: string;
    readonly extensions = "";
    binaryType = "arraybuffer";
    onopen: Listener = null;
    onmessage: Listener = null;
    onerror: Listener = null;
    onclose: Listener = null;
    readonly #abort = new AbortController();
    #state: number = CONNECTING;
    #protocol = "";
    #id = "";
    #buffered = 0;
    #sending: Promise<void> = Promise.resolve();

    constructor(url: unknown, protocols: unknown = []) {
      super();
      const address = URL.parse(String(url));
      if (address === null || !["ws:", "wss:", "http:", "https:"].includes(address.protocol) || address.hash !== "")
        throw makeError(`${String(url)} is not an address for a web socket`, "SyntaxError");
      address.protocol = address.protocol.replace("http", "ws");
      this.url = address.href;
      const wanted = (Array.isArray(protocols) ? protocols : [protocols]).map(String);
      if (wanted.some((one) => !PROTOCOL.test(one)) || new Set(wanted).size < wanted.length)
        throw makeError("the protocols are not distinct names", "SyntaxError");
      void this.#run(wanted);
    }

    get readyState(): number {
      return this.#state;
    }

    get protocol(): string {
      return this.#protocol;
    }

    /** Bytes that were given to send() and not yet taken by the host. */
    get bufferedAmount(): number {
      return this.#buffered;
    }

    send(data: unknown): void {
      if (this.#state === CONNECTING) throw makeError("Sent before connected.", "InvalidStateError");
      const message = typeof data === "string" ? data : bytesOf(data);
      const size = typeof message === "string" ? message.length : message.byteLength;
      this.#buffered += size;
      if (this.#state !== OPEN) return;
      this.#sending = this.#sending
        .then(() => bridge.socketSend(this.#id, message))
        .then(
          () => void (this.#buffered -= size),
          () => {},
        );
    }

    close(code?: number, reason?: string): void {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
        throw makeError("the code is 1000 or from 3000 to 4999", "InvalidAccessError");
      if (new TextEncoder().encode(reason ?? "").length > 123) throw makeError("the reason is longer than 123 bytes", "SyntaxError");
      if (this.#state === CLOSING || this.#state === CLOSED) return;
      const opened = this.#state === OPEN;
      this.#state = CLOSING;
      if (!opened) return this.#abort.abort();
      void this.#sending.then(() => bridge.socketClose(this.#id, code, reason)).catch(() => {});
    }

    async #run(protocols: string[]): Promise<void> {
      let closed = { code: 1006, reason: "", wasClean: false };
      try {
        for await (const item of bridge.socket({ url: this.url, protocols }, this.#abort.signal)) {
          if ("close" in item) closed = { code: item.close, reason: item.reason, wasClean: item.close !== 1006 };
          else this.#take(item);
        }
      } catch (error) {
        this.#state = CLOSED;
        this.#emit(new ErrorEvent("error", { error, message: String((error as Error)?.message ?? error) }));
      }
      this.#state = CLOSED;
      this.#emit(new CloseEvent("close", closed));
    }

    #take(item: Exclude<SocketItem, { close: number }>): void {
      if ("open" in item) {
        this.#id = item.open;
        this.#protocol = item.protocol;
        this.#state = OPEN;
        this.#emit(new EventBase("open"));
      } else if ("text" in item) this.#emit(new MessageEvent("message", { data: item.text }));
      else {
        const { buffer, byteOffset, byteLength } = item.binary;
        this.#emit(new MessageEvent("message", { data: buffer.slice(byteOffset, byteOffset + byteLength) }));
      }
    }

    #emit(event: Event): void {
      try {
        this[`on${event.type}` as "onopen"]?.call(this, event);
      } catch {
        // As in a browser, one listener's failure is none of the others.
      }
      this.dispatchEvent(event);
    }
  }

  return { WebSocket, MessageEvent, CloseEvent, ErrorEvent };
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return new TextEncoder().encode(String(data));
}
