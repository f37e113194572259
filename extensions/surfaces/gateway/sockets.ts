import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorInfo } from "@plinth/sdk";
import { WebSocketServer } from "ws";
import { Connection } from "./connection.ts";
import { authenticate, type Door } from "./http.ts";
import { type Limits, PENDING_SOCKETS } from "./limits.ts";
import { problem, refuse } from "./problem.ts";
import { Room } from "./room.ts";

/** All WebSocket clients: admits, keeps alive, tells them about the end. */
export class Sockets {
  readonly #door: Door;
  readonly #limits: Limits;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #heartbeat: NodeJS.Timeout;
  /** The oldest first. */
  readonly #pending = new Set<Connection>();

  constructor(door: Door, limits: Limits) {
    this.#door = door;
    this.#limits = limits;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: limits.frameBytes,
      perMessageDeflate: false,
      clientTracking: false,
    });
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
      const path = request.url?.split("?")[0] ?? "";
      if (path !== "/ws") throw refuse.notFound(path);
      if (this.#door.stopping) throw refuse.stopping();
      if (!this.#door.guard.origin(request.headers.origin, request.headers.host)) throw refuse.origin();
      if (request.headers.authorization !== undefined) {
        authenticate(this.#door, request);
        connected = true;
      }
    } catch (error) {
      refuseUpgrade(socket, error);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => {
      const address = request.socket.remoteAddress ?? "";
      const connection: Connection = new Connection(this.#door, client, this.#limits, address, connected, {
        proven: () => {
          this.#pending.delete(connection);
          return Room.of(socket)?.know(socket as Socket) !== false;
        },
        closed: () => this.#pending.delete(connection),
      });
      Room.of(socket)?.watch(socket as Socket);
      if (!connected) this.#wait(connection);
      this.#connections.add(connection);
      client.on("close", () => this.#connections.delete(connection));
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

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, body } = problem(errorInfo(error));
  const bytes = Buffer.from(body);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "connection: close",
    "content-type: application/problem+json",
    `content-length: ${bytes.length}`,
    ...(status === 401 ? ["www-authenticate: Bearer"] : []),
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), bytes]));
  socket.once("finish", () => socket.destroy());
}
