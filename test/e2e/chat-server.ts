import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface Posted {
  to: string;
  text: string;
  key: string;
  image?: { base64: string; mimeType: string };
}

/**
 * A tiny chat server as the channel template speaks to: events over a WebSocket until they are acknowledged, messages over
 * HTTP, each key once. What it holds outlives `stop`, so that it can come back as the same server.
 */
export class ChatServer {
  readonly posted: Posted[] = [];
  /** Requests to post, each time one came. */
  attempts = 0;
  connections = 0;
  /** What to do with the next requests to post, before they count. */
  onPost: ((posted: Posted, response: ServerResponse) => "drop" | "hold" | "refuse" | "lose" | undefined) | undefined;
  readonly typing: string[] = [];
  readonly #ids = new Map<string, string>();
  readonly #unacked = new Map<string, object>();
  readonly #pictures = new Map<string, Buffer>();
  #last: object | undefined;
  #count = 0;
  #server: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({ server, path: "/events" });
    sockets.on("connection", (socket) => this.#greet(socket));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    [this.#server, this.#sockets] = [server, sockets];
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    this.#sockets?.close();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)));
    this.#server = undefined;
  }

  /** @param picture sent along, as PNG. */
  write(from: string, text: string, { picture, ...more }: { room?: string; mention?: boolean; picture?: Buffer } = {}): void {
    const id = `e${++this.#count}`;
    if (picture !== undefined) this.#pictures.set(`/pictures/${id}`, picture);
    const image = picture === undefined ? {} : { image: { url: `${this.url}/pictures/${id}`, mimeType: "image/png", name: "cat.png" } };
    const event = { id, at: Date.now(), from: { id: from, name: from.toUpperCase() }, text, ...more, ...image };
    this.#unacked.set(event.id, event);
    this.#last = event;
    this.#send(event);
  }

  /** The last event once more, acknowledged or not. */
  repeat(): void {
    if (this.#last !== undefined) this.#send(this.#last);
  }

  get unacknowledged(): number {
    return this.#unacked.size;
  }

  #send(event: object): void {
    for (const socket of this.#sockets?.clients ?? []) socket.send(JSON.stringify(event));
  }

  #greet(socket: WebSocket): void {
    this.connections++;
    socket.on("error", () => {});
    socket.on("message", (data) => this.#unacked.delete((JSON.parse(String(data)) as { ack: string }).ack));
    for (const event of this.#unacked.values()) socket.send(JSON.stringify(event));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const picture = this.#pictures.get(request.url ?? "");
    if (picture !== undefined) return void response.setHeader("content-type", "image/png").end(picture);
    let body = "";
    for await (const chunk of request) body += chunk;
    response.setHeader("content-type", "application/json");
    const posted = JSON.parse(body) as Posted;
    if (request.url === "/typing") {
      this.typing.push(posted.to);
      return void response.end("{}");
    }
    this.attempts++;
    const what = this.onPost?.(posted, response);
    if (what === "refuse") return void response.writeHead(503).end("{}");
    // The request is lost on its way; nobody hears of it again.
    if (what === "drop") return void response.destroy();
    const id = this.#ids.get(posted.key) ?? `m${this.posted.push(posted)}`;
    this.#ids.set(posted.key, id);
    // It has the message, and its answer does not arrive, or not in time.
    if (what === "lose") return void response.destroy();
    if (what === "hold") return;
    response.end(JSON.stringify({ id }));
  }
}
