import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Connection } from "./connection.ts";
import { authenticate, type Door } from "./http.ts";
import { type Limits, PENDING_SOCKETS } from "./limits.ts";
import { refuse } from "./problem.ts";
import { Room } from "./room.ts";
import { upgradeToRoute } from "./route-upgrade.ts";
import { accept, refuseUpgrade, Together } from "./wire-socket.ts";

/** What all WebSockets have in common, whoever speaks at the far end. */
interface Live {
  readonly inFlight: number;
  readonly alive: boolean;
  ping(): void;
  drop(): void;
  announceStop(): void;
  close(): void;
}

/** All WebSocket clients: admits, keeps alive, tells them about the end. */
export class Sockets {
  readonly #door: Door;
  readonly #limits: Limits;
  readonly #connections = new Set<Live>();
  readonly #heartbeat: NodeJS.Timeout;
  /** The oldest first. */
  readonly #pending = new Set<Connection>();

  constructor(door: Door, limits: Limits) {
    this.#door = door;
    this.#limits = limits;
    this.#heartbeat = setInterval(() => this.#beat(), limits.pingMs);
    this.#heartbeat.unref();
  }

  get inFlight(): number {
    let sum = 0;
    for (const connection of this.#connections) sum += connection.inFlight;
    return sum;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Decide about an HTTP upgrade; refusals are answered as HTTP. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    let connected = false;
    try {
      if (!this.#door.guard.host(request.headers.host)) throw refuse.host();
      if (this.#door.stopping.aborted) throw refuse.stopping();
      if (request.url?.split("?")[0] !== "/ws") return this.#toRoute(request, socket, head);
      if (!this.#door.guard.origin(request.headers.origin, request.headers.host)) throw refuse.origin();
      if (request.headers.authorization !== undefined) {
        authenticate(this.#door, request);
        connected = true;
      }
    } catch (error) {
      refuseUpgrade(socket, error);
      return;
    }
    const { frameBytes, bufferedBytes } = this.#limits;
    accept(request, socket, head, { maxPayload: frameBytes, bufferedBytes }, (client) => {
      const address = request.socket.remoteAddress ?? "";
      const connection: Connection = new Connection(this.#door, client, new Together(socket), this.#limits, address, connected, {
        proven: () => {
          this.#pending.delete(connection);
          return Room.of(socket)?.know(socket as Socket) !== false;
        },
        closed: () => {
          this.#pending.delete(connection);
          this.#connections.delete(connection);
        },
      });
      Room.of(socket)?.watch(socket as Socket);
      if (!connected) this.#wait(connection);
      this.#connections.add(connection);
    });
  }

  #toRoute(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Its route has a clock of its own for the decision.
    Room.of(socket)?.watch(socket as Socket);
    void upgradeToRoute(this.#door, {
      request,
      socket,
      head,
      bufferedBytes: this.#limits.bufferedBytes,
      proven: () => Room.of(socket)?.know(socket as Socket) !== false,
      opened: (connection) => {
        this.#connections.add(connection);
        socket.once("close", () => this.#connections.delete(connection));
      },
    });
  }

  /** Whoever waits for the longest gives way: many that never say who they are must not keep others out. */
  #wait(connection: Connection): void {
    const [oldest] = this.#pending;
    if (oldest !== undefined && this.#pending.size >= PENDING_SOCKETS) {
      this.#pending.delete(oldest);
      oldest.drop();
    }
    this.#pending.add(connection);
  }

  announceStop(): void {
    for (const connection of this.#connections) connection.announceStop();
  }

  /** Close all politely; `drop` then cuts those that do not answer. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const connection of this.#connections) connection.close();
  }

  drop(): void {
    for (const connection of this.#connections) connection.drop();
  }

  #beat(): void {
    for (const connection of this.#connections) {
      if (connection.alive) connection.ping();
      else connection.drop();
    }
  }
}
