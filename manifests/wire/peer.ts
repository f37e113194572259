import type { Duplex } from "node:stream";
import type { Aborts } from "./bridge.ts";
import { Conduct } from "./conduct.ts";
import { errorData, isPlinthError, PlinthError } from "./error.ts";
import { GuestErrors } from "./guest-errors.ts";
import { Held, weigh } from "./held.ts";
import { Outbox } from "./outbox.ts";
import { raised } from "./peer-errors.ts";
import { Pending } from "./pending.ts";
import { WIRE, type WireError, type WireMessage, type WireMeta } from "./protocol.ts";
import { Ahead, Serving } from "./serving.ts";
import { Inbox } from "./stream.ts";
import { StreamTransport, type Transport } from "./transport.ts";

/** Refusing costs time as well: whoever does not stop at this many is cut off. */
const MAX_TURNED_AWAY = 20_000;

/** What a peer answers to calls from the other side. Unknown methods must throw. */
export interface Handler {
  call(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): unknown;
  stream(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): AsyncIterable<unknown>;
  /** False = there is no such note: it was sent for nothing. */
  note(method: string, params: unknown): boolean | void;
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
  readonly #conduct: Conduct | null;
  readonly #guestErrors: GuestErrors | null;
  readonly #held = new Held(WIRE.maxHeldBytes);
  /** Not from a guest: the host keeps what comes of one until it is read. */
  readonly #ahead: Ahead | null;
  readonly #outbox: Outbox;
  /** The highest id that the other side gave to a call. */
  #asked = 0;
  #nextId = 1;
  #closed: PlinthError | null = null;
  readonly closed: Promise<PlinthError>;
  #onClosed!: (error: PlinthError) => void;

  /**
   * @param spend given where the other side is a guest, which is then held to the protocol: told how long answers took to be
   * written, in milliseconds.
   */
  constructor(connection: Duplex | Transport, owner: string, handler: Handler, spend: ((ms: number) => void) | null = null) {
    this.#transport = "listen" in connection ? connection : new StreamTransport(connection);
    this.#owner = owner;
    this.#handler = handler;
    this.#conduct = spend === null ? null : new Conduct();
    this.#ahead = spend === null ? null : new Ahead();
    this.#guestErrors = spend === null || isProduct(owner) ? null : new GuestErrors(owner);
    this.#outbox = new Outbox(this.#transport, owner, spend);
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#transport.listen({
      messages: (batch, bytes = 0) => {
        if (batch.length === 0) this.#conduct?.strike("an empty frame");
        // What closes it may be one of them.
        for (let at = 0; at < batch.length && this.#closed === null; at++) this.#dispatch(batch[at] as WireMessage, bytes);
      },
      broke: (why) => this.close(raised(owner).protocol(why)),
      ended: (how) => this.close(raised(owner).exited(how)),
    });
  }

  /** Calls in flight, both ways. */
  get inFlight(): number {
    return this.#pending.size + this.#inboxes.size + this.#serving.size;
  }

  /** Bytes that are kept for the other side: not sent yet, asked for and under way, sent by it and not taken. */
  get heldBytes(): number {
    return this.#held.bytes + this.#outbox.waiting;
  }

  call(method: string, params: unknown, meta: WireMeta = {}, signal?: Aborts): Promise<unknown> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (this.#pending.size >= WIRE.maxPendingCalls) return Promise.reject(raised(this.#owner).busy());
    if (this.#outbox.waiting > WIRE.maxHeldBytes) return Promise.reject(raised(this.#owner).full());
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
    this.#conduct?.mayAnswer(1);
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
        if (this.#outbox.waiting > WIRE.maxHeldBytes) throw raised(this.#owner).full();
        const id = this.#nextId++;
        const send = {
          credit: (n: number) => void this.#send(["credit", id, n]),
          cancel: () => {
            if (!this.#inboxes.delete(id)) return;
            this.#conduct?.mayAnswer(WIRE.streamCredits + 1);
            this.#send(["cancel", id]);
          },
        };
        const inbox = new Inbox(send, this.#held);
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
    for (const serving of this.#serving.values()) serving.cancel(error);
    this.#inboxes.clear();
    this.#serving.clear();
    this.#held.close();
    this.#outbox.close();
    this.#onClosed(error);
  }

  #dispatch(message: WireMessage, bytes: number): void {
    switch (message[0]) {
      case "call":
        this.#serve(message[1], message[2], message[3], message[4], bytes);
        return;
      case "ok": {
        const pending = this.#settled(message[1]);
        if (pending === undefined) return this.#unexpected(message[1]);
        return pending.resolve(message[2]);
      }
      case "err": {
        const error = this.#guestErrors?.revive(message[2]) ?? revive(message[2], this.#owner);
        const waiting = this.#settled(message[1]);
        if (waiting !== undefined) return waiting.reject(error);
        const inbox = this.#closedInbox(message[1]);
        if (inbox === undefined) return this.#unexpected(message[1]);
        return inbox.fail(error, false);
      }
      case "next": {
        const inbox = this.#inboxes.get(message[1])?.inbox;
        if (inbox === undefined) return this.#unexpected(message[1]);
        const pushed = inbox.push(message[2], bytes);
        if (pushed === "no credit") throw new RangeError("a stream sent more items than it had credit for");
        if (pushed === "no room") inbox.fail(raised(this.#owner).parked(), true);
        return;
      }
      case "end": {
        const inbox = this.#closedInbox(message[1]);
        if (inbox === undefined) return this.#unexpected(message[1]);
        return inbox.end();
      }
      case "credit": {
        const serving = this.#serving.get(message[1]);
        if (serving === undefined) return this.#conduct?.signalled(message[1] <= this.#asked);
        return serving.credit(message[2]);
      }
      case "cancel": {
        const serving = this.#serving.get(message[1]);
        if (serving === undefined || serving.over) return this.#conduct?.signalled(message[1] <= this.#asked);
        return serving.cancel(raised(this.#owner).aborted("The call"));
      }
      case "note":
        if (this.#handler.note(message[1], message[2]) === false) this.#conduct?.strike("a note that nobody reads");
    }
  }

  #unexpected(id: number): void {
    this.#conduct?.answered(id < this.#nextId);
  }

  #serve(id: number, method: string, params: unknown, meta: WireMeta, bytes: number): void {
    if (this.#serving.has(id)) throw new TypeError("a call id is in use");
    this.#asked = Math.max(this.#asked, id);
    // It may cancel it before it has read that it is over; of a stream it may give credit as well.
    this.#conduct?.maySignal(meta.stream === true ? 4 : 1);
    const weight = weigh(params, bytes);
    const crowded = this.#serving.size >= WIRE.maxPendingCalls;
    if (crowded || !this.#held.take(weight)) {
      if (++this.#turnedAway > MAX_TURNED_AWAY) throw new TypeError("it went on asking though it was told to wait");
      const refused = raised(this.#owner);
      this.#reply(["err", id, errorData(crowded ? refused.busy() : refused.parked())]);
      return;
    }
    this.#turnedAway = 0;
    const serving = new Serving(meta.work ?? "", weight, this.#ahead);
    this.#serving.set(id, serving);
    const run = meta.stream === true ? this.#pump(id, method, params, meta, serving) : this.#answer(id, method, params, meta, serving);
    run
      .catch((thrown: unknown) => this.#reply(["err", id, errorData(thrown)]))
      .finally(() => {
        this.#held.give(weight);
        serving.ended();
        if (this.#serving.get(id) === serving) this.#serving.delete(id);
      });
  }

  async #answer(id: number, method: string, params: unknown, meta: WireMeta, serving: Serving): Promise<void> {
    const value = await this.#handler.call(method, params, meta, serving.abort.signal);
    this.#reply(["ok", id, value ?? null]);
  }

  async #pump(id: number, method: string, params: unknown, meta: WireMeta, serving: Serving): Promise<void> {
    const items = this.#handler.stream(method, params, meta, serving.abort.signal)[Symbol.asyncIterator]();
    let over = false;
    try {
      for (;;) {
        // Before it is made, so that nothing that was made waits here.
        if (!serving.hasRoom) await serving.room();
        if (serving.over) return;
        over = true;
        const step = await items.next();
        over = step.done === true;
        if (over || serving.over) break;
        const sent = this.#reply(["next", id, step.value ?? null]);
        if (sent === 0) return;
        serving.sent(sent);
        if (this.#transport.full) await this.#transport.drained();
      }
      if (!serving.over) this.#reply(["end", id]);
    } finally {
      if (!over) await items.return?.();
    }
  }

  /** An answer to the other side. How much of it goes out; 0 = an error in its place, or nothing. */
  #reply(message: WireMessage): number {
    return this.#send(message, true);
  }

  #send(message: WireMessage, answer = false): number {
    if (this.#closed !== null) return 0;
    if (message[0] === "err") this.#guestErrors?.told(message[2]);
    const posted = this.#outbox.post(message, answer);
    if (typeof posted === "number") return posted;
    if (message[0] === "call") this.#failLocal(message[1], posted);
    else if (message[0] !== "note") {
      const refusal = errorData(posted);
      this.#guestErrors?.told(refusal);
      this.#outbox.post(["err", message[1], refusal], answer);
    }
    return 0;
  }

  #failLocal(id: number, error: PlinthError): void {
    this.#settled(id)?.reject(error);
    this.#closedInbox(id)?.fail(error, false);
  }

  #closedInbox(id: number): Inbox | undefined {
    const inbox = this.#inboxes.get(id)?.inbox;
    this.#inboxes.delete(id);
    return inbox;
  }
}

/** Nobody else has this publisher; what is of the product speaks with its voice in every tier. */
const isProduct = (owner: string): boolean => owner.startsWith("plinth.");

function revive(data: WireError, owner: string): PlinthError {
  const { code, message, extension, next, ...retry } = errorData(data, owner);
  return new PlinthError(code, message, { extension, next, ...(Object.keys(retry).length === 0 ? {} : { details: retry }) });
}
