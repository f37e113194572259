import { PlinthError } from "../../extension/errors.ts";
import type { Call, ClientItem, HttpItem, HttpRequest, SocketItem, SocketRequest } from "../../extension/index.ts";
import { bytesOf } from "./answer.ts";

/** What a client sent before its route asked for it: how long it is kept, and for how many at once. */
const ORPHAN_MS = 10_000;
const ORPHANS = 256;

export interface Duplex {
  /** A request whose body comes in pieces. What is not read is not sent. */
  handle?(request: HttpRequest, body: AsyncIterable<Uint8Array>, call: Call): AsyncIterable<HttpItem>;
  /** A WebSocket: messages of the client come in, what is yielded goes out. The first item is `open` or `refuse`. */
  socket?(request: SocketRequest, messages: AsyncIterable<SocketMessage>, call: Call): AsyncIterable<SocketItem>;
}

export type SocketMessage = Extract<ClientItem, { type: "text" | "bytes" }>;

export interface DuplexProvider {
  handle(request: HttpRequest, call: Call): AsyncIterable<HttpItem>;
  socket(request: SocketRequest, call: Call): AsyncIterable<SocketItem>;
  receive(input: { id: string; item: ClientItem }, call: Call): Promise<Record<string, never>>;
}

/**
 * A provider of `plinth.http-route` in both directions: joins what `receive` brings to the request or the WebSocket that it
 * belongs to. Each piece is answered when the one who reads has taken it, so that a slow reader slows its client.
 */
export function duplexRoute(route: Duplex): DuplexProvider {
  const inlets = new Map<string, Inlet>();
  const open = (id: string): Inlet => {
    const inlet = inlets.get(id) ?? new Inlet();
    inlets.set(id, inlet);
    inlet.claim();
    return inlet;
  };
  async function* within<T>(id: string, call: Call, body: (inlet: Inlet) => AsyncIterable<T>): AsyncGenerator<T> {
    const inlet = open(id);
    const onAbort = (): void => inlet.end();
    call.signal.addEventListener("abort", onAbort, { once: true });
    try {
      yield* body(inlet);
    } finally {
      call.signal.removeEventListener("abort", onAbort);
      inlets.delete(id);
      inlet.end();
    }
  }
  const missing = async function* (): AsyncGenerator<never> {
    yield* [];
    throw new PlinthError("PLINTH_UNSUPPORTED", "This route does not take such requests.");
  };
  return {
    handle: (request, call) =>
      route.handle === undefined ? missing() : within(request.id, call, (inlet) => route.handle!(request, inlet.bytes(), call)),
    socket: (request, call) =>
      route.socket === undefined ? missing() : within(request.id, call, (inlet) => route.socket!(request, inlet.messages(), call)),
    async receive({ id, item }, call) {
      let inlet = inlets.get(id);
      if (inlet === undefined) {
        // The first piece can be here before the request that it belongs to.
        const orphans = [...inlets.values()].filter((one) => !one.claimed).length;
        if (orphans >= ORPHANS) throw new PlinthError("PLINTH_BUSY", "Too many bodies of unknown requests came at once.");
        inlet = new Inlet();
        inlets.set(id, inlet);
        inlet.expire(ORPHAN_MS, () => inlets.delete(id));
      }
      await inlet.put(item, call.signal);
      return {};
    },
  };
}

/** Between whoever brings pieces and whoever reads them: nothing is kept but the one piece that is being handed over. */
class Inlet {
  claimed = false;
  #over = false;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  readonly #offered: { item: ClientItem; taken: () => void }[] = [];
  #reader: ((item: ClientItem | undefined) => void) | undefined;

  claim(): void {
    this.claimed = true;
    clearTimeout(this.#expiry);
  }

  expire(ms: number, then: () => void): void {
    this.#expiry = setTimeout(() => {
      then();
      this.end();
    }, ms);
  }

  /** Resolves when the item was taken, or when nobody will take one any more. */
  put(item: ClientItem, signal: AbortSignal): Promise<void> {
    if (this.#over || signal.aborted) return Promise.resolve();
    if (this.#reader !== undefined) {
      this.#hand(item);
      return Promise.resolve();
    }
    return new Promise((taken) => {
      this.#offered.push({ item, taken });
      signal.addEventListener("abort", () => taken(), { once: true });
    });
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    for (let item = await this.#next(); item !== undefined && item.type !== "end"; item = await this.#next()) {
      if (item.type === "bytes") yield bytesOf(item);
    }
  }

  async *messages(): AsyncGenerator<SocketMessage> {
    for (let item = await this.#next(); item !== undefined && item.type !== "close"; item = await this.#next()) {
      if (item.type === "text" || item.type === "bytes") yield item;
    }
  }

  end(): void {
    this.#over = true;
    clearTimeout(this.#expiry);
    for (const { taken } of this.#offered.splice(0)) taken();
    this.#hand(undefined);
  }

  #hand(item: ClientItem | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(item);
  }

  #next(): Promise<ClientItem | undefined> {
    const first = this.#offered.shift();
    if (first !== undefined) {
      first.taken();
      return Promise.resolve(first.item);
    }
    if (this.#over) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }
}
