import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Context, PlinthError } from "@plinth/sdk";
import { Attempts } from "./attempts.ts";
import type { Directory } from "./directory.ts";
import { Guard } from "./guard.ts";
import { answer, type Door } from "./http.ts";
import { DEFAULT_LIMITS, HEADER_BYTES, type Limits } from "./limits.ts";
import { announce, assertAlone, type Running, whoAnswers, withdraw } from "./running.ts";
import { Sockets } from "./sockets.ts";
import { loadToken, TokenCheck } from "./token.ts";

export interface Listen {
  port: number;
  host: string;
}

/** The server on one port, from listening to the last answer. */
export class Gateway {
  readonly running: Running;
  readonly #server: Server;
  readonly #sockets: Sockets;
  readonly #dir: string;
  readonly #limits: Limits;
  readonly #state: { stopping: boolean; open: number };
  #stopped: Promise<void> | undefined;

  static async start(ctx: Context, directory: Directory, listen: Listen): Promise<Gateway> {
    const dir = ctx.dataDir;
    const limits: Limits = { ...DEFAULT_LIMITS, ...(ctx.config.limits as Partial<Limits> | undefined) };
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await assertAlone(dir);
    const [token, version] = await Promise.all([loadToken(dir), hostVersion(ctx), directory.load()]);
    const state = { stopping: false, open: 0 };
    const startedAt = ctx.clock.now();
    const door: Door = {
      ctx,
      directory,
      guard: new Guard(listen.host, (ctx.config.names as string[]) ?? [], (ctx.config.origins as string[]) ?? []),
      token: new TokenCheck(token),
      attempts: new Attempts(limits.failedTokens, () => ctx.clock.now()),
      alive: () => ({ plinth: version, startedAt }),
      get stopping() {
        return state.stopping;
      },
    };
    const sockets = new Sockets(door, limits);
    const server = createHttpServer(door, sockets, limits, state);
    const url = await listenOn(server, listen);
    const running: Running = { url, token, pid: process.pid, startedAt, version };
    try {
      await announce(dir, running);
    } catch (error) {
      sockets.close();
      server.close();
      server.closeAllConnections();
      throw error;
    }
    return new Gateway(running, server, sockets, dir, limits, state);
  }

  private constructor(running: Running, server: Server, sockets: Sockets, dir: string, limits: Limits, state: { stopping: boolean; open: number }) {
    this.running = running;
    this.#server = server;
    this.#sockets = sockets;
    this.#dir = dir;
    this.#limits = limits;
    this.#state = state;
  }

  get connections(): { http: number; sockets: number } {
    return { http: this.#state.open, sockets: this.#sockets.size };
  }

  /** Take nothing new, tell the clients, wait for what is in flight, then close. Resolves when the port is free. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#state.stopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    this.#sockets.announceStop();
    await withdraw(this.#dir, this.running).catch(() => {});
    const until = performance.now() + this.#limits.drainMs;
    while (this.#state.open + this.#sockets.inFlight > 0 && performance.now() < until) await pause(20);
    this.#sockets.close();
    for (let turn = 0; turn < 25 && this.#sockets.size > 0; turn += 1) await pause(20);
    this.#sockets.drop();
    this.#server.closeAllConnections();
    await closed;
  }
}

function createHttpServer(door: Door, sockets: Sockets, limits: Limits, state: { open: number }): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: limits.headerMs,
    requestTimeout: limits.bodyMs,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(2_000, limits.headerMs, limits.bodyMs),
    noDelay: true,
  });
  server.maxConnections = limits.connections;
  const take: Parameters<Server["on"]>[1] = (request, response) => {
    state.open += 1;
    response.on("close", () => {
      state.open -= 1;
    });
    void answer(door, request, response);
  };
  server.on("request", take);
  // The answer to `Expect: 100-continue` is given when the body is wanted, not before the token was checked.
  server.on("checkContinue", take);
  server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
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

async function listenOn(server: Server, { port, host }: Listen): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, backlog: 511 }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw await listenError(error as NodeJS.ErrnoException, { port, host });
  }
  return addressUrl(host, (server.address() as AddressInfo).port);
}

async function listenError(error: NodeJS.ErrnoException, { port, host }: Listen): Promise<PlinthError> {
  const extension = "plinth.gateway";
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

async function hostVersion(ctx: Context): Promise<string> {
  try {
    return (await ctx.use("plinth.host").one().status({})).version;
  } catch {
    return ctx.version;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
