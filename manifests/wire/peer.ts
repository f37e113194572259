import type { Duplex } from "node:stream";
import type { Aborts } from "./bridge.ts";
import { errorData, isPlinthError, PlinthError } from "./error.ts";
import { WIRE, type WireError, type WireMessage, type WireMeta } from "./protocol.ts";
import { Inbox } from "./stream.ts";
import { StreamTransport, type Transport } from "./transport.ts";

const raised = (extension: string) => ({
  exited: (how: string) =>
    new PlinthError("PLINTH_EXTENSION_EXITED", `The process of ${extension} ended (${how}).`, {
      extension,
      next: "It is started again at its next use; `plinth status` says why it ended.",
      details: { retryable: true },
    }),
  aborted: (what: string) => new PlinthError("PLINTH_ABORTED", `${what} was cancelled.`),
  busy: () => new PlinthError("PLINTH_QUOTA", `${extension} has too many calls in flight.`, { extension, next: "Wait for some to end." }),
  // Of our own message: the other side, which gets the error, knows who we are.
  payload: (why: string) => new PlinthError("PLINTH_PAYLOAD", `A message does not fit the frame protocol: ${why}.`),
  protocol: (why: string) =>
    new PlinthError("PLINTH_PROTOCOL", `${extension} broke the frame protocol: ${why}. Its process was ended.`, {
      extension,
      next: "Report it to the author of the extension.",
    }),
});

/** Refusing costs time as well: whoever does not stop at this many is cut off. */
const MAX_TURNED_AWAY = 20_000;

/** What a peer answers to calls from the other side. Unknown methods must throw. */
export interface Handler {
  call(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): unknown;
  stream(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): AsyncIterable<unknown>;
  note(method: string, params: unknown): void;
}

/** A call that waits for its answer. It listens to its signal itself: most calls have one, and few are aborted. */
class Pending implements EventListenerObject {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly turn: string | null;
  signal: Aborts | undefined;
  #onAbort: ((signal: Aborts) => void) | undefined;

  constructor(resolve: (value: unknown) => void, reject: (error: unknown) => void, turn: string | null) {
    this.resolve = resolve;
    this.reject = reject;
    this.turn = turn;
  }

  follow(signal: Aborts, onAbort: (signal: Aborts) => void): void {
    this.signal = signal;
    this.#onAbort = onAbort;
    signal.addEventListener("abort", this);
  }

  handleEvent(): void {
    if (this.signal !== undefined) this.#onAbort?.(this.signal);
  }

  settled(): void {
    this.signal?.removeEventListener("abort", this);
  }
}

interface Serving {
  abort: AbortController;
  credits: number;
  wake: (() => void) | null;
  readonly turn: string;
}

/** Whose answers change what the code after them works for. */
const TURNING: ReadonlySet<string> = new Set(["work.begin", "work.end"]);
const turnOf = (method: string, meta: WireMeta): string | null => (TURNING.has(method) ? null : (meta.work ?? ""));

/**
 * One side of the frame protocol over a duplex stream or another transport. Messages of one tick travel in one frame, up to a byte cap.
 * When the connection is full, `next` items wait: slow readers slow their own streams, not the process.
 */
export class Peer {
  readonly #transport: Transport;
  readonly #handler: Handler;
  readonly #owner: string;
  readonly #pending = new Map<number, Pending>();
  readonly #inboxes = new Map<number, { inbox: Inbox; turn: string | null }>();
  /** Calls in a row that were refused because too many were in flight. */
  #turnedAway = 0;
  readonly #serving = new Map<number, Serving>();
  #queue: string[] = [];
  #queued = 0;
  #flushing = false;
  #nextId = 1;
  #closed: PlinthError | null = null;
  readonly closed: Promise<PlinthError>;
  #onClosed!: (error: PlinthError) => void;

  constructor(connection: Duplex | Transport, owner: string, handler: Handler) {
    this.#transport = "listen" in connection ? connection : new StreamTransport(connection);
    this.#owner = owner;
    this.#handler = handler;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#transport.listen({
      messages: (batch) => {
        for (const message of batch) this.#dispatch(message);
      },
      broke: (why) => this.close(raised(owner).protocol(why)),
      ended: (how) => this.close(raised(owner).exited(how)),
    });
  }

  /** Calls in flight, both ways. */
  get inFlight(): number {
    return this.#pending.size + this.#inboxes.size + this.#serving.size;
  }

  call(method: string, params: unknown, meta: WireMeta = {}, signal?: Aborts): Promise<unknown> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (this.#pending.size >= WIRE.maxPendingCalls) return Promise.reject(raised(this.#owner).busy());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(this.#abortReason(signal, method));
      const pending = new Pending(resolve, reject, turnOf(method, meta));
      this.#pending.set(id, pending);
      if (signal !== undefined) pending.follow(signal, (one) => this.#abort(id, one, method));
      this.#send(["call", id, method, params, meta]);
    });
  }

  #abort(id: number, signal: Aborts, method: string): void {
    const pending = this.#settled(id);
    if (pending === undefined) return;
    this.#send(["cancel", id]);
    pending.reject(this.#abortReason(signal, method));
  }

  #abortReason({ reason }: Aborts, method: string): PlinthError {
    return isPlinthError(reason) ? reason : raised(this.#owner).aborted(method);
  }

  /** What is waited for under this id, which is over with it. */
  #settled(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.settled();
    return pending;
  }

  open(method: string, params: unknown, meta: WireMeta = {}, signal?: AbortSignal): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#closed !== null) throw this.#closed;
        const id = this.#nextId++;
        const inbox = new Inbox({
          credit: (n) => this.#send(["credit", id, n]),
          cancel: () => {
            if (this.#inboxes.delete(id)) this.#send(["cancel", id]);
          },
        });
        this.#inboxes.set(id, { inbox, turn: turnOf(method, meta) });
        this.#send(["call", id, method, params, { ...meta, stream: true }]);
        if (signal !== undefined) {
          const onAbort = (): void => inbox.fail(this.#abortReason(signal, method), true);
          if (signal.aborted) onAbort();
          else signal.addEventListener("abort", onAbort, { once: true });
          inbox.onOver = () => signal.removeEventListener("abort", onAbort);
        }
        return inbox;
      },
    };
  }

  /**
   * Which work a message goes on with. Messages of one work may be handled in one go; those of two must not, where what
   * goes on after an `await` is only known to belong to the turn it runs in. Null = in a turn of its own.
   */
  turnOf(message: WireMessage): string | null {
    switch (message[0]) {
      case "call":
        return message[4].work ?? "";
      case "note":
        return "";
      case "credit":
      case "cancel":
        return this.#serving.get(message[1])?.turn ?? "";
      default: {
        const waiting = this.#pending.get(message[1]) ?? this.#inboxes.get(message[1]);
        return waiting === undefined ? "" : waiting.turn;
      }
    }
  }

  note(method: string, params: unknown): void {
    if (this.#closed === null) this.#send(["note", method, params]);
  }

  close(error: PlinthError): void {
    if (this.#closed !== null) return;
    this.#closed = error;
    for (const id of [...this.#pending.keys()]) this.#settled(id)?.reject(error);
    for (const { inbox } of this.#inboxes.values()) inbox.fail(error, false);
    for (const serving of this.#serving.values()) {
      serving.abort.abort(error);
      serving.wake?.();
    }
    this.#inboxes.clear();
    this.#transport.close();
    this.#onClosed(error);
  }

  #dispatch(message: WireMessage): void {
    switch (message[0]) {
      case "call":
        this.#serve(message[1], message[2], message[3], message[4]);
        return;
      case "ok":
        this.#settled(message[1])?.resolve(message[2]);
        return;
      case "err": {
        const error = revive(message[2], this.#owner);
        this.#settled(message[1])?.reject(error);
        this.#closedInbox(message[1])?.fail(error, false);
        return;
      }
      case "next": {
        const inbox = this.#inboxes.get(message[1])?.inbox;
        if (inbox !== undefined && !inbox.push(message[2])) throw new RangeError("a stream sent more items than it had credit for");
        return;
      }
      case "end":
        this.#closedInbox(message[1])?.end();
        return;
      case "credit": {
        const serving = this.#serving.get(message[1]);
        if (serving === undefined) return;
        serving.credits = Math.min(serving.credits + message[2], 65_536);
        serving.wake?.();
        return;
      }
      case "cancel": {
        const serving = this.#serving.get(message[1]);
        serving?.abort.abort(raised(this.#owner).aborted("The call"));
        serving?.wake?.();
        return;
      }
      case "note":
        this.#handler.note(message[1], message[2]);
    }
  }

  #serve(id: number, method: string, params: unknown, meta: WireMeta): void {
    if (this.#serving.has(id)) throw new TypeError("a call id is in use");
    if (this.#serving.size >= WIRE.maxPendingCalls) {
      if (++this.#turnedAway > MAX_TURNED_AWAY) throw new TypeError("it went on asking though it was told to wait");
      this.#send(["err", id, errorData(raised(this.#owner).busy())]);
      return;
    }
    this.#turnedAway = 0;
    const serving: Serving = { abort: new AbortController(), credits: WIRE.streamCredits, wake: null, turn: meta.work ?? "" };
    this.#serving.set(id, serving);
    const run = meta.stream === true ? this.#pump(id, method, params, meta, serving) : this.#answer(id, method, params, meta, serving);
    run.catch((thrown: unknown) => this.#send(["err", id, errorData(thrown)])).finally(() => this.#serving.delete(id));
  }

  async #answer(id: number, method: string, params: unknown, meta: WireMeta, serving: Serving): Promise<void> {
    const value = await this.#handler.call(method, params, meta, serving.abort.signal);
    this.#send(["ok", id, value ?? null]);
  }

  async #pump(id: number, method: string, params: unknown, meta: WireMeta, serving: Serving): Promise<void> {
    for await (const item of this.#handler.stream(method, params, meta, serving.abort.signal)) {
      while (serving.credits === 0 && !serving.abort.signal.aborted) {
        await new Promise<void>((resolve) => {
          serving.wake = resolve;
        });
        serving.wake = null;
      }
      if (serving.abort.signal.aborted) return;
      serving.credits--;
      if (!this.#send(["next", id, item ?? null])) return;
      if (this.#transport.full) await this.#transport.drained();
    }
    this.#send(["end", id]);
  }

  #send(message: WireMessage): boolean {
    if (this.#closed !== null) return false;
    let text: string;
    let sent = true;
    try {
      text = JSON.stringify(message);
    } catch {
      if (message[0] === "err" || message[0] === "note") return false;
      const error = raised(this.#owner).payload("it is not JSON data");
      if (message[0] === "call") return this.#failLocal(message[1], error);
      text = JSON.stringify(["err", message[1], errorData(error)]);
      sent = false;
    }
    if (text.length > (WIRE.maxFrameBytes - 16) / 3 && this.#transport.bytes(text) > WIRE.maxFrameBytes - 16) {
      if (message[0] === "note") return false;
      const error = raised(this.#owner).payload(`a message of ${this.#transport.bytes(text)} bytes is over the limit`);
      if (message[0] === "call") return this.#failLocal(message[1], error);
      text = JSON.stringify(["err", message[1], errorData(error)]);
      sent = false;
    }
    if (this.#queued + text.length > WIRE.batchBytes && this.#queue.length > 0) this.#flush();
    this.#queue.push(text);
    this.#queued += text.length;
    if (this.#flushing) return sent;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
    return sent;
  }

  #failLocal(id: number, error: PlinthError): false {
    this.#settled(id)?.reject(error);
    this.#closedInbox(id)?.fail(error, false);
    return false;
  }

  #closedInbox(id: number): Inbox | undefined {
    const inbox = this.#inboxes.get(id)?.inbox;
    this.#inboxes.delete(id);
    return inbox;
  }

  #flush(): void {
    if (this.#queue.length === 0 || this.#closed !== null) return;
    const batch = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    this.#transport.send(batch);
  }
}

function revive(data: WireError, owner: string): PlinthError {
  const { code, message, extension, next } = errorData(data, owner);
  return new PlinthError(code, message, { extension, next });
}
