import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PlinthError } from "@plinth/sdk";
import type { LocalSocket } from "@plinth/sdk/home";
import { answer, type Door } from "./http.ts";
import { HEADER_BYTES, type Limits } from "./limits.ts";
import { Room } from "./room.ts";
import { whoAnswers } from "./running.ts";
import type { Sockets } from "./sockets.ts";

export interface Listen {
  port: number;
  host: string;
}

/** One place to listen at, the port or the local socket: an HTTP server and the room for its connections. */
export class Listener {
  readonly server: Server;
  readonly room: Room;
  #open = 0;

  constructor(door: Door, sockets: Sockets, limits: Limits) {
    this.room = new Room({ strangers: limits.strangers, known: limits.connections, strangerMs: limits.strangerMs });
    this.server = createHttpServer(limits);
    const take: Parameters<Server["on"]>[1] = (request, response) => {
      this.#open += 1;
      this.room.begin(request.socket);
      response.on("close", () => {
        this.#open -= 1;
        this.room.end(request.socket);
      });
      void answer(door, request, response);
    };
    this.server.on("connection", (socket) => this.room.admit(socket));
    this.server.on("request", take);
    // The answer to `Expect: 100-continue` is given when the body is wanted, not before the token was checked.
    this.server.on("checkContinue", take);
    this.server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
    this.server.on("error", (error) => {
      // One connection less; the server itself goes on.
      if (this.server.listening) door.ctx.log.warn("A connection could not be taken.", { error: error.message });
    });
  }

  /** Requests that have no answer yet. */
  get open(): number {
    return this.#open;
  }

  async listenOnPort({ port, host }: Listen): Promise<string> {
    try {
      await listen(this.server, { port, host, backlog: 511 });
    } catch (error) {
      throw await listenError(error as NodeJS.ErrnoException, { port, host });
    }
    return addressUrl(host, (this.server.address() as AddressInfo).port);
  }

  /** @param path of the socket, in words for people. */
  async listenOnSocket(socket: LocalSocket, path: string): Promise<void> {
    try {
      socket.clear();
      await listen(this.server, { path: socket.address, backlog: 511 });
      socket.restrict();
    } catch (error) {
      throw new PlinthError(
        "PLINTH_LISTEN_FAILED",
        `The gateway cannot listen on ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`,
        {
          extension: "plinth.gateway",
          next: "Look at what lies there, remove it, and start the gateway again.",
          cause: error,
        },
      );
    }
  }

  /** Take nothing new. Resolves when the last connection is closed. */
  close(): Promise<void> {
    this.room.close();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }
}

function createHttpServer(limits: Limits): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: limits.headerMs,
    // Bodies have clocks of their own: a streamed one may take long.
    requestTimeout: 0,
    // Offers of other protocols, such as HTTP/2's, are passed over.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(2_000, limits.headerMs),
    noDelay: true,
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const status =
      error.code === "HPE_HEADER_OVERFLOW"
        ? "431 Request Header Fields Too Large"
        : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? "408 Request Timeout"
          : "400 Bad Request";
    const answering = (socket as Socket & { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent === true;
    if (!socket.writable || answering || error.code === "ECONNRESET") return socket.destroy();
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
  });
  return server;
}

function listen(server: Server, options: { port: number; host: string; backlog: number } | { path: string; backlog: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function listenError(error: NodeJS.ErrnoException, { port, host }: Listen): Promise<PlinthError> {
  // The machine's and not this extension's fault: somebody chose the place, and another program may have it.
  const extension = "host";
  if (error.code !== "EADDRINUSE") {
    const message = `The gateway cannot listen on ${host}, port ${port}: ${error.message}.`;
    const next = "Choose another address or port: plinth gateway run --host 127.0.0.1 --port 0";
    return new PlinthError("PLINTH_LISTEN_FAILED", message, { extension, next, cause: error });
  }
  const other = await whoAnswers(addressUrl(host, port));
  const plinth = typeof other === "object" ? other.plinth : undefined;
  const who = plinth === undefined ? "another program, not a Plinth," : `the gateway of another Plinth home (version ${plinth})`;
  return new PlinthError("PLINTH_PORT_BUSY", `Port ${port} is taken: ${who} answers there.`, {
    extension,
    next: `Stop ${plinth === undefined ? "that program" : "that gateway"}, or choose a port: plinth gateway run --port 0 picks a free one.`,
    cause: error,
  });
}

/** A URL under which this machine reaches the address; a wildcard is reached over loopback. */
function addressUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
