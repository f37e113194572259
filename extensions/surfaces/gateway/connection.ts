import { errorInfo, PlinthError } from "@plinth/sdk";
import type { WebSocket } from "ws";
import type { Method, Offer } from "./directory.ts";
import { errorFrame, eventFrame, parseFrame, type RequestFrame, resultFrame, stoppingFrame } from "./frames.ts";
import { type Door, OWNER } from "./http.ts";
import { CONNECT_FRAME_BYTES, type Limits } from "./limits.ts";
import { assertFits } from "./payload.ts";
import { refuse } from "./problem.ts";
import { CLOSE, type Together } from "./wire-socket.ts";

const PROTOCOL = 1;

/** What happens to a connection as a whole. */
export interface Watcher {
  /** It proved whose it is; false when there is no room for it. */
  proven(): boolean;
  closed(): void;
}

/** A request that has no answer yet. */
class Flight extends AbortController {
  /** What it does goes on without its client. */
  survives = false;
}

/** One WebSocket client: connect first, then requests side by side, each answered once. */
export class Connection {
  readonly #door: Door;
  readonly #socket: WebSocket;
  readonly #together: Together;
  readonly #limits: Limits;
  readonly #address: string;
  readonly #watcher: Watcher;
  readonly #flights = new Map<string, Flight>();
  #connected: boolean;
  /** Whether the peer was heard since the last ping. */
  alive = true;

  constructor(door: Door, socket: WebSocket, together: Together, limits: Limits, address: string, connected: boolean, watcher: Watcher) {
    this.#door = door;
    this.#socket = socket;
    this.#together = together;
    this.#limits = limits;
    this.#address = address;
    this.#connected = connected;
    this.#watcher = watcher;
    const waiting = setTimeout(() => this.#close(CLOSE.unauthenticated, "connect first"), limits.connectMs);
    if (connected) clearTimeout(waiting);
    socket.on("message", (data, binary) => {
      this.alive = true;
      this.#receive(data as Buffer, binary);
      if (this.#connected) clearTimeout(waiting);
    });
    socket.on("pong", () => {
      this.alive = true;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(waiting);
      this.#watcher.closed();
      for (const flight of this.#flights.values()) if (!flight.survives) flight.abort();
    });
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  ping(): void {
    this.alive = false;
    this.#socket.ping();
  }

  drop(): void {
    this.#socket.terminate();
  }

  announceStop(): void {
    if (this.#connected) this.#send(stoppingFrame);
  }

  close(): void {
    this.#close(CLOSE.stopping, "the gateway is stopping");
  }

  #receive(data: Buffer, binary: boolean): void {
    const frame = this.#parse(data, binary);
    if (frame.type === "cancel") this.#flights.get(frame.id)?.abort();
    else if (frame.type === "bad") {
      if (frame.id === null || !this.#connected) this.#reject(frame.id, frame.why);
      else this.#send(errorFrame(frame.id, errorInfo(refuse.badRequest(frame.why))));
    } else if (frame.method === "connect") void this.#connect(frame);
    else if (!this.#connected) this.#refuse(frame.id, refuse.noToken());
    else void this.#request(frame);
  }

  #parse(data: Buffer, binary: boolean): ReturnType<typeof parseFrame> {
    if (binary) return { type: "bad", id: null, why: "it is binary" };
    if (!this.#connected && data.length > CONNECT_FRAME_BYTES) return { type: "bad", id: null, why: "it is too long for a connect" };
    return parseFrame(data.toString());
  }

  async #connect(frame: RequestFrame): Promise<void> {
    const { token, protocol = PROTOCOL } = frame.params as { token?: unknown; protocol?: unknown };
    if (!this.#connected || token !== undefined) {
      if (!this.#door.token.matches(token)) {
        const wait = token === undefined ? 0 : this.#door.attempts.count(this.#address);
        return this.#refuse(frame.id, token === undefined ? refuse.noToken() : wait > 0 ? refuse.tooManyTokens(wait) : refuse.wrongToken());
      }
    }
    if (protocol !== PROTOCOL) {
      const why = `the gateway speaks protocol ${PROTOCOL}`;
      return this.#refuse(frame.id, refuse.badRequest(why), CLOSE.protocol);
    }
    if (!this.#connected && !this.#watcher.proven()) return this.#refuse(frame.id, refuse.full(), CLOSE.protocol);
    this.#connected = true;
    try {
      const { methods } = await this.#offer();
      const version = this.#door.alive().plinth;
      this.#send(resultFrame(frame.id, { protocol: PROTOCOL, version, methods: [...methods.keys()].sort() }));
    } catch (error) {
      this.#send(errorFrame(frame.id, errorInfo(error)));
    }
  }

  async #request(frame: RequestFrame): Promise<void> {
    const { id } = frame;
    if (this.#door.stopping.aborted) return this.#send(errorFrame(id, errorInfo(refuse.stopping())));
    // An error under this id would end the earlier request for the client: such a client cannot be answered.
    if (this.#flights.has(id)) return this.#reject(null, `the id ${id} is still in use`);
    if (this.#flights.size >= this.#limits.inFlight) {
      return this.#send(errorFrame(id, errorInfo(refuse.busy(this.#limits.inFlight))));
    }
    const flight = new Flight();
    this.#flights.set(id, flight);
    try {
      const answer = await this.#door.ctx.work(OWNER, () => this.#answer(frame, flight));
      // The id is free before the client can know: it may use it again in its very next frame.
      this.#flights.delete(id);
      this.#send(answer);
    } catch (error) {
      this.#flights.delete(id);
      this.#send(errorFrame(id, errorInfo(error)));
    }
  }

  async #answer({ id, method: name, params }: RequestFrame, flight: Flight): Promise<string> {
    const { signal } = flight;
    const offer = this.#door.directory.current;
    const work = this.#door.ctx.currentWork();
    let method: Method | undefined;
    if (offer !== undefined && offer.generation >= (work?.generation ?? 0)) method = offer.methods.get(name);
    else {
      // The work is of a newer generation than what is known: a method just installed must be found.
      if (offer !== undefined) this.#door.directory.invalidate();
      method = (await this.#offer()).methods.get(name);
    }
    if (method === undefined) {
      throw new PlinthError("PLINTH_METHOD_UNKNOWN", `There is no method named ${name}.`, {
        next: "`methods.list` names them all; install the extension that provides it.",
      });
    }
    if (method.descriptor.scope !== "read" && work?.principal.role !== "owner") {
      throw new PlinthError("PLINTH_FORBIDDEN", `The method ${name} is for the owner only.`, {
        next: "Use the gateway's token.",
      });
    }
    const { ctx } = this.#door;
    flight.survives = method.descriptor.survives === true && method.descriptor.endless !== true;
    await assertFits(ctx, method, "params", params);
    if (method.descriptor.streaming !== true) {
      const result = await method.client.call(params, { signal });
      await assertFits(ctx, method, "result", result);
      return resultFrame(id, result);
    }
    let seq = 0;
    // What has no end of its own ends with the gateway, at once: nobody waits for it.
    const ends = method.descriptor.endless === true ? AbortSignal.any([signal, this.#door.stopping]) : signal;
    for await (const item of method.client.open(params, { signal: ends })) {
      if (this.#socket.readyState !== this.#socket.OPEN) {
        if (flight.survives) continue;
        break;
      }
      await assertFits(ctx, method, "events", item);
      seq += 1;
      this.#send(eventFrame(id, seq, item));
    }
    if (ends.aborted && !signal.aborted) throw refuse.stopping();
    // A provider may end its stream quietly when it is cancelled; the client must still hear that it is not whole.
    if (signal.aborted) throw new PlinthError("PLINTH_ABORTED", `${name} was cancelled.`);
    return resultFrame(id, {});
  }

  #offer(): Promise<Offer> {
    return this.#door.directory.load();
  }

  #send(frame: string): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    this.#together.hold();
    socket.send(frame);
    if (socket.bufferedAmount > this.#limits.bufferedBytes) {
      this.#door.ctx.log.warn("A WebSocket client read too slowly and was dropped.", { buffered: socket.bufferedAmount });
      socket.terminate();
    }
  }

  #reject(id: string | null, why: string): void {
    this.#refuse(id, refuse.badRequest(`${why} (a frame is JSON text such as {"type":"req","id":"1","method":"health"})`), CLOSE.protocol);
  }

  #refuse(id: string | null, error: PlinthError, code: number = CLOSE.unauthenticated): void {
    this.#send(errorFrame(id, errorInfo(error)));
    this.#close(code, error.code);
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}
