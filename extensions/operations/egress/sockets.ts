import { randomUUID } from "node:crypto";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import { isPlinthError, PlinthError, type Provider } from "@plinth/sdk";
import type { ClientOptions, WebSocket } from "ws";
import { type Asker, endOf, malformed, type Network, overBudget, parseUrl, unreachable, wayTo } from "./address.ts";
import { requestHeaders } from "./headers.ts";
import { Messages } from "./messages.ts";
import type { Until } from "./through.ts";

const SCHEMES = ["wss:", "ws:"];
const MAX_MESSAGE = 1_048_576;
/** What may wait to be sent, on all sockets of one extension. */
const MAX_WAITING = 2 * MAX_MESSAGE;
const OPEN_MS = 30_000;
const BEAT_MS = 30_000;
const CLOSE_MS = 5_000;
/** Codes that an application may close with. */
const closable = (code: number): boolean => code === 1000 || (code >= 3000 && code <= 4999);

type Request = Parameters<Provider<"plinth.egress">["connect"]>[0];
type Item = { open: string; protocol: string } | { text: string } | { binary: Uint8Array } | { close: number; reason: string };

/** WebSockets of extensions. The address is checked as for an exchange; a redirect is an error; messages wait for their reader. */
export class Sockets {
  readonly #network: Network;
  readonly #open = new Map<string, { socket: WebSocket; extension: string }>();

  constructor(network: Network) {
    this.#network = network;
  }

  async *connect({ extension, hosts, url: text, protocols, headers }: Request, caller: AbortSignal): AsyncGenerator<Item> {
    const url = parseUrl(extension, text, SCHEMES);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(unreachable(extension, url, `no answer within ${OPEN_MS} ms`)), OPEN_MS);
    const socket = await begin(
      { extension, hosts, network: this.#network },
      url,
      protocols ?? [],
      headers ?? {},
      AbortSignal.any([caller, late.signal]),
    ).finally(() => clearTimeout(timer));
    const id = randomUUID();
    const messages = new Messages(socket, (error) => broken(extension, url, error));
    const stop = (): void => socket.terminate();
    const beat = heartbeat(socket);
    caller.addEventListener("abort", stop, { once: true });
    this.#open.set(id, { socket, extension });
    try {
      yield { open: id, protocol: socket.protocol };
      for await (const item of messages) yield item;
      if (caller.aborted) throw endOf(caller);
      yield { close: messages.end.code, reason: messages.end.reason };
    } finally {
      this.#open.delete(id);
      clearInterval(beat);
      caller.removeEventListener("abort", stop);
      end(socket, 1000, "");
    }
  }

  async send({ extension, id, data }: { extension: string; id: string; data: string | Uint8Array }): Promise<void> {
    const socket = this.#own(extension, id);
    const size = Buffer.byteLength(data);
    if (size > MAX_MESSAGE) throw overBudget(extension, `a message of ${size} bytes is larger than ${MAX_MESSAGE}`, "Send it in parts.");
    const waiting = [...this.#open.values()].reduce((sum, one) => sum + (one.extension === extension ? one.socket.bufferedAmount : 0), 0);
    if (waiting + size > MAX_WAITING)
      throw overBudget(extension, `more than ${MAX_WAITING} bytes wait to be sent`, "Wait for each send before the next.");
    await new Promise<void>((resolve, reject) => {
      socket.send(data, (error) => (error ? reject(gone(extension)) : resolve()));
    });
  }

  close({ extension, id, code = 1000, reason = "" }: { extension: string; id: string; code?: number; reason?: string }): void {
    const held = this.#open.get(id);
    if (held?.extension === extension) end(held.socket, closable(code) ? code : 1000, reason);
  }

  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.terminate();
  }

  #own(extension: string, id: string): WebSocket {
    const held = this.#open.get(id);
    if (held === undefined || held.extension !== extension) throw gone(extension);
    return held.socket;
  }
}

async function begin(asker: Asker, url: URL, protocols: string[], headers: Record<string, string>, signal: AbortSignal): Promise<WebSocket> {
  const { extension } = asker;
  const road = await roadOf(asker, url, signal);
  const { WebSocket } = await import("ws");
  const options: ClientOptions = {
    headers: requestHeaders(headers),
    maxPayload: MAX_MESSAGE,
    followRedirects: false,
    perMessageDeflate: false,
    ...road,
  };
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, protocols, options);
  } catch (thrown) {
    throw malformed(extension, thrown);
  }
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.terminate();
      reject(endOf(signal));
    };
    const settle = (then: () => void): void => {
      signal.removeEventListener("abort", stop);
      then();
    };
    // Stays: terminating one that is not open yet is an error too.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      settle(() => reject(isPlinthError(error) ? error : unreachable(extension, url, error.code ?? error.message, error))),
    );
    socket.once("open", () => {
      // What comes with the answer waits for its reader.
      socket.pause();
      settle(() => resolve(socket));
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** To a checked address, or in a tunnel through a proxy: also for `ws:`, which a proxy would not hand on otherwise. */
async function roadOf(
  asker: Asker,
  url: URL,
  signal: AbortSignal,
): Promise<ClientOptions & Until & { lookup?: LookupFunction; secureContext?: SecureContext }> {
  const { upstream, ...direct } = await wayTo(asker, url, signal);
  const secure = url.protocol === "wss:";
  const secureContext = secure || upstream?.secure ? await asker.network.authorities.context() : undefined;
  const own = secure && secureContext !== undefined ? { secureContext } : {};
  if (upstream === undefined) return { ...direct, ...own };
  const [{ tunnelling }, http] = await Promise.all([import("./through.ts"), secure ? import("node:https") : import("node:http")]);
  return { agent: tunnelling(new http.Agent(own), { extension: asker.extension, upstream, secureContext }), until: signal };
}

/** A peer that answers no ping is not there any more. One that is paused by its reader cannot answer. */
function heartbeat(socket: WebSocket): NodeJS.Timeout {
  let alive = true;
  const heard = (): void => {
    alive = true;
  };
  for (const event of ["pong", "message", "ping"]) socket.on(event, heard);
  return setInterval(() => {
    if (!alive && !socket.isPaused) return socket.terminate();
    alive = socket.isPaused;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, BEAT_MS).unref();
}

function end(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED) return;
  // Its answer to the end may stand behind messages that nobody reads any more.
  socket.resume();
  socket.close(
    code,
    Buffer.from(reason)
      .subarray(0, 123)
      .toString("utf8")
      .replace(/\uFFFD+$/, ""),
  );
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}

const gone = (extension: string): PlinthError => new PlinthError("PLINTH_NET", "The socket is closed.", { extension, next: "Connect again." });

const broken = (extension: string, url: URL, { code, message }: NodeJS.ErrnoException): PlinthError =>
  code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
    ? overBudget(extension, `a message of ${url.host} is larger than ${MAX_MESSAGE} bytes`, "Ask for smaller ones.")
    : new PlinthError("PLINTH_NET", `${url.host} broke the connection (${code ?? message}).`, { extension, next: "Connect again." });
