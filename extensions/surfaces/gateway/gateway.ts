import { setMaxListeners } from "node:events";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "@plinth/sdk";
import { assertPrivateHome, GATEWAY_STATE, homeIdentity, LocalSocket, newNonce, processOf, type Running, SOCKET_FILE } from "@plinth/sdk/home";
import type { Directory } from "./directory.ts";
import { Guard } from "./guard.ts";
import type { Door } from "./http.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type Listen, Listener } from "./listener.ts";
import { refuse } from "./problem.ts";
import { Proofs } from "./proofs.ts";
import type { PublicName } from "./request.ts";
import { descriptorLimit, Reserve } from "./reserve.ts";
import { announce, assertAlone, sweep, withdraw } from "./running.ts";
import { Sockets } from "./sockets.ts";
import { Tally } from "./tally.ts";
import { loadToken, TokenCheck } from "./token.ts";

const WARN_MS = 10_000;

/** The servers on the port and on the local socket, from listening to the last answer. */
export class Gateway {
  readonly running: Running;
  readonly #open: Opened;
  #stopped: Promise<void> | undefined;

  static async start(ctx: Context, directory: Directory, listen: Listen): Promise<Gateway> {
    const dir = ctx.dataDir;
    const home = join(dir, "../..");
    const limits = limitsOf(ctx);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    assertPrivateHome(home);
    await chmod(dir, 0o700);
    await assertAlone(home);
    await sweep(home);
    const [token, version] = await Promise.all([loadToken(dir), hostVersion(ctx), directory.load()]);
    const stopping = new AbortController();
    // One listener for each answer that has no end of its own.
    setMaxListeners(0, stopping.signal);
    const publicName = publicNameOf(ctx.config.publicUrl as string | undefined);
    const startedAt = ctx.clock.now();
    const identity = { instance: newNonce(), home: homeIdentity(home) };
    const door: Door = {
      ctx,
      directory,
      guard: guardOf(ctx, listen.host, publicName),
      token: new TokenCheck(token),
      proofs: new Proofs(token, identity, () => performance.now()),
      attempts: new Tally(limits.failedTokens, () => ctx.clock.now()),
      alive: () => ({ plinth: version, startedAt }),
      publicName,
      bodyMs: limits.bodyMs,
      stopping: stopping.signal,
    };
    const sockets = new Sockets(door, limits);
    const opened = new Opened(ctx, home, stopping, sockets, limits, new Listener(door, sockets, limits));
    const local = LocalSocket.in(dir);
    try {
      const url = await opened.port.listenOnPort(listen);
      const process_ = processOf(process.pid)?.identity ?? null;
      const running: Running = { url, token, pid: process.pid, startedAt, version, ...identity, process: process_, socket: local !== null };
      // The announcement decides who is the gateway of this home: only then may the socket of another one go.
      await announce(home, running);
      if (local !== null) await opened.listenLocally(new Listener(door, sockets, limits), local, running);
      return new Gateway(running, opened);
    } catch (error) {
      local?.[Symbol.dispose]();
      await opened.abandon();
      throw error;
    }
  }

  private constructor(running: Running, open: Opened) {
    this.running = running;
    this.#open = open;
  }

  get connections(): { http: number; sockets: number } {
    return { http: this.#open.requests, sockets: this.#open.sockets.size };
  }

  /** Take nothing new, tell the clients, wait for what is in flight, then close. Resolves when the port is free. */
  stop(): Promise<void> {
    this.#stopped ??= this.#open.stop(this.running);
    return this.#stopped;
  }
}

/** What is open while a gateway runs, and how it is closed again. */
class Opened {
  readonly port: Listener;
  readonly sockets: Sockets;
  readonly #home: string;
  readonly #stopping: AbortController;
  readonly #limits: Limits;
  readonly #ctx: Context;
  readonly #reserve = new Reserve(() => this.#makeRoom());
  #local: { listener: Listener; socket: LocalSocket } | undefined;
  #warned = Number.NEGATIVE_INFINITY;

  constructor(ctx: Context, home: string, stopping: AbortController, sockets: Sockets, limits: Limits, port: Listener) {
    this.#ctx = ctx;
    this.#home = home;
    this.#stopping = stopping;
    this.sockets = sockets;
    this.#limits = limits;
    this.port = port;
  }

  get requests(): number {
    return this.#listeners.reduce((sum, { open }) => sum + open, 0);
  }

  get #listeners(): Listener[] {
    return this.#local === undefined ? [this.port] : [this.port, this.#local.listener];
  }

  async listenLocally(listener: Listener, socket: LocalSocket, running: Running): Promise<void> {
    try {
      await listener.listenOnSocket(socket, join(this.#home, GATEWAY_STATE, SOCKET_FILE));
      this.#local = { listener, socket };
    } catch (error) {
      listener.room.close();
      await withdraw(this.#home, running);
      throw error;
    }
  }

  /** No descriptor was left for a connection: those who have proven nothing go, and whoever only keeps one for later. */
  #makeRoom(): void {
    for (const { room } of this.#listeners) room.clear();
    if (performance.now() - this.#warned < WARN_MS) return;
    this.#warned = performance.now();
    this.#ctx.log.warn("The process has next to no file descriptors left; idle connections were dropped.");
  }

  async stop(running: Running): Promise<void> {
    this.sockets.announceStop();
    // Whatever has no end of its own ends here.
    this.#stopping.abort(refuse.stopping());
    const closed = this.#close();
    await withdraw(this.#home, running).catch(() => {});
    const until = performance.now() + this.#limits.drainMs;
    while (this.requests + this.sockets.inFlight > 0 && performance.now() < until) await pause(20);
    this.sockets.close();
    for (let turn = 0; turn < 25 && this.sockets.size > 0; turn += 1) await pause(20);
    this.sockets.drop();
    for (const { server } of this.#listeners) server.closeAllConnections();
    await closed;
    this.#local?.socket[Symbol.dispose]();
  }

  /** It never was announced. */
  async abandon(): Promise<void> {
    this.sockets.close();
    const closed = this.#close();
    for (const { server } of this.#listeners) server.closeAllConnections();
    await closed;
  }

  /** The socket goes from its folder at once, before anybody else can listen on it. */
  async #close(): Promise<void> {
    this.#reserve.close();
    await Promise.all(this.#listeners.map((one) => one.close()));
  }
}

function publicNameOf(configured: string | undefined): PublicName | undefined {
  if (configured === undefined || configured === "") return undefined;
  const { protocol, host, href } = new URL(configured);
  return { scheme: protocol === "https:" ? "https" : "http", host, url: href.replace(/\/$/, "") };
}

/** The public address is the gateway's own, like those that the operator lists. */
function guardOf({ config }: Context, bound: string, known: PublicName | undefined): Guard {
  const { names = [], origins = [] } = config as { names?: string[]; origins?: string[] };
  if (known === undefined) return new Guard(bound, names, origins);
  const { hostname, origin } = new URL(known.url);
  return new Guard(bound, [...names, hostname.replace(/^\[|\]$/g, "")], [...origins, origin]);
}

/** Half of what the process may open is for connections that have proven whose they are, a quarter for the others. */
function limitsOf(ctx: Context): Limits {
  const limits: Limits = { ...DEFAULT_LIMITS, ...(ctx.config.limits as Partial<Limits> | undefined) };
  const most = descriptorLimit();
  return {
    ...limits,
    connections: Math.max(1, Math.min(limits.connections, Math.floor(most / 2))),
    strangers: Math.max(1, Math.min(limits.strangers, Math.floor(most / 8))),
  };
}

async function hostVersion(ctx: Context): Promise<string> {
  try {
    return (await ctx.use("plinth.host").one().status({})).version;
  } catch {
    return ctx.version;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
