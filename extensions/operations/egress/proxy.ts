import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse, request as sendDirectly } from "node:http";
import { connect, type Server, type Socket } from "node:net";
import { type Duplex, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorInfo, targetOf } from "@plinth/sdk";
import { type Asker, forbidden, parseUrl, reaches, unreachable, type Way, wayTo } from "./address.ts";
import { endToEnd } from "./headers.ts";
import { Meter, type Reach } from "./meter.ts";
import type { Places } from "./places.ts";

const HEAD_MS = 30_000;
/** A tunnel through which nothing goes: an answer that comes piece by piece may take its time. */
const IDLE_MS = 600_000;
const MAX_CONNECTIONS = 64;

export interface ProxyInput extends Asker {
  readonly listener: Server;
  readonly password: string;
  readonly places: Places;
}

/**
 * The way to the network of one program, which has no other: its listener is in a network of its own. Names are resolved and
 * checked here, as for requests of extensions; a tunnel goes to a checked address, and what is in it is not looked at.
 */
export async function* serveProxy(input: ProxyInput, signal: AbortSignal): AsyncGenerator<Reach> {
  const ending = new AbortController();
  const ways = new Ways(input, AbortSignal.any([signal, ending.signal]));
  try {
    yield* ways.meter.items(signal);
  } finally {
    ending.abort(new Error("The program is over."));
    ways.close();
  }
}

class Ways {
  readonly meter = new Meter();
  readonly #input: ProxyInput;
  readonly #signal: AbortSignal;
  readonly #said: Buffer;
  readonly #http = createServer({ headersTimeout: HEAD_MS, requestTimeout: 0, keepAliveTimeout: 60_000 });
  readonly #open = new Set<Duplex>();

  constructor(input: ProxyInput, signal: AbortSignal) {
    this.#input = input;
    this.#signal = signal;
    this.#said = Buffer.from(`Basic ${Buffer.from(`plinth:${input.password}`).toString("base64")}`);
    this.#http.on("request", (request, response) => void this.#forward(request, response));
    this.#http.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => void this.#tunnel(request, socket, head));
    input.listener.on("connection", (socket) => {
      if (this.#open.size >= MAX_CONNECTIONS) return socket.destroy();
      this.#keep(socket);
      this.#http.emit("connection", socket);
    });
  }

  close(): void {
    this.#input.listener.close();
    this.#http.closeAllConnections();
    for (const one of this.#open) one.destroy();
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { extension, places } = this.#input;
    if (!this.#known(request)) return void response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
    const what = `${request.method} ${URL.parse(request.url ?? "")?.origin ?? "?"}${URL.parse(request.url ?? "")?.pathname ?? ""}`;
    let leave = (): void => {};
    try {
      const url = parseUrl(extension, request.url ?? "", ["http:"]);
      leave = places.take(extension);
      const way = await wayTo(this.#input, url, this.#signal);
      await this.meter.tell({ what, bytes: 0 });
      const { send, options, headers, failed, refused } = await this.#plainRoad(url, way);
      const outgoing = send({
        ...options,
        method: request.method ?? "GET",
        headers: { ...endToEnd(request.headers), host: url.host, ...headers },
        agent: false,
        signal: this.#signal,
      });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once("response", resolve);
        outgoing.once("error", (cause: NodeJS.ErrnoException) => reject(failed(cause.code ?? cause.message, cause)));
      });
      outgoing.setTimeout(IDLE_MS, () => outgoing.destroy());
      const sent = pipeline(request, this.#counted(), outgoing);
      sent.catch(() => {});
      const answer = await answered;
      const refusal = refused(answer);
      if (refusal !== undefined) throw refusal;
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      await pipeline(answer, this.#counted(), response);
    } catch (thrown) {
      await this.#refuse(what, thrown);
      if (response.headersSent) response.destroy();
      else response.writeHead(statusOf(thrown), { "content-type": "text/plain", connection: "close" }).end(wordsOf(thrown));
    } finally {
      leave();
    }
  }

  async #tunnel(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { extension, places } = this.#input;
    socket.on("error", () => {});
    if (!this.#known(request))
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    const what = `CONNECT ${String(request.url).slice(0, 300)}`;
    let leave = (): void => {};
    try {
      const url = this.#destination(String(request.url));
      leave = places.take(extension);
      const way = await wayTo(this.#input, url, this.#signal);
      await this.meter.tell({ what, bytes: 0 });
      const far = await this.#connect(url, way);
      for (const end of [far, socket]) end.setTimeout(IDLE_MS, () => end.destroy());
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) socket.unshift(head);
      await Promise.allSettled([pipeline(socket, this.#counted(), far), pipeline(far, this.#counted(), socket)]);
    } catch (thrown) {
      await this.#refuse(what, thrown);
      const [status, words] = [statusOf(thrown), wordsOf(thrown)];
      if (!socket.destroyed)
        socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(words)}\r\n\r\n${words}`);
    } finally {
      leave();
    }
  }

  /** A plain request to a checked address, or handed on to the network's own proxy. */
  async #plainRoad(url: URL, { upstream, ...direct }: Way) {
    const { extension } = this.#input;
    const failed = (why: string, cause?: unknown): Error => unreachable(extension, url, why, cause);
    if (upstream === undefined) {
      const { host, port } = targetOf(url);
      const options = { ...direct, host, port, path: `${url.pathname}${url.search}` };
      return { send: sendDirectly, options, headers: {}, failed, refused: () => undefined };
    }
    const { forwarded } = await import("./through.ts");
    const secureContext = upstream.secure ? await this.#input.network.authorities.context() : undefined;
    const send = upstream.secure ? (await import("node:https")).request : sendDirectly;
    return { send, ...forwarded({ extension, upstream, secureContext }, url) };
  }

  /** To a checked address, or on in a tunnel of the network's own proxy. */
  async #connect(url: URL, { upstream, ...direct }: Way): Promise<Socket> {
    const { extension } = this.#input;
    const { host, port } = targetOf(url);
    if (upstream === undefined) {
      const far = this.#keep(connect({ host, port, ...direct }));
      await connected(far, (why) => unreachable(extension, url, why));
      return far;
    }
    const { openTunnel } = await import("./through.ts");
    const secureContext = upstream.secure ? await this.#input.network.authorities.context() : undefined;
    return this.#keep(await openTunnel({ extension, upstream, secureContext }, host, port, this.#signal));
  }

  /** What a tunnel is for cannot be seen: it is admitted as either of the two that use one. */
  #destination(authority: string): URL {
    const { extension } = this.#input;
    if (!/^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+):\d{1,5}$/.test(authority))
      throw forbidden(extension, `connect to ${JSON.stringify(authority.slice(0, 200))}`);
    const [secure, socket] = ["https:", "wss:"].map((scheme) => parseUrl(extension, `${scheme}//${authority}`, [scheme])) as [URL, URL];
    return reaches(this.#input, targetOf(socket)) && !reaches(this.#input, targetOf(secure)) ? socket : secure;
  }

  #known({ headers }: IncomingMessage): boolean {
    const said = Buffer.from(headers["proxy-authorization"] ?? "");
    return said.length === this.#said.length && timingSafeEqual(said, this.#said);
  }

  async #refuse(what: string, refused: unknown): Promise<void> {
    if (!this.#signal.aborted) await this.meter.tell({ what, bytes: 0, refused });
  }

  /** What goes through waits until it was counted. */
  #counted(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.meter.count(chunk.length).then(
          () => done(null, chunk),
          (thrown: Error) => done(thrown),
        );
      },
    });
  }

  #keep<T extends Duplex>(one: T): T {
    this.#open.add(one);
    one.once("close", () => this.#open.delete(one));
    one.on("error", () => {});
    return one;
  }
}

const STATUS: Readonly<Record<string, number>> = { PLINTH_NET: 502, PLINTH_PROXY: 502, PLINTH_CERTIFICATES: 502, PLINTH_QUOTA: 429 };
const statusOf = (thrown: unknown): number => STATUS[errorInfo(thrown).code] ?? 403;
const wordsOf = (thrown: unknown): string => `${errorInfo(thrown).code}: ${errorInfo(thrown).message}\n`;

function connected(socket: Socket, failed: (why: string) => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(Object.assign(new Error("late"), { code: `no answer within ${HEAD_MS} ms` })), HEAD_MS);
    socket.once("connect", resolve);
    socket.once("error", (error: NodeJS.ErrnoException) => reject(failed(error.code ?? error.message)));
    socket.once("close", () => {
      clearTimeout(late);
      reject(failed("it closed the connection"));
    });
    socket.once("connect", () => clearTimeout(late));
  });
}
