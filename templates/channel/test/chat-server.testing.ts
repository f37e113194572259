import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

interface Message {
  to: string;
  text: string;
  key: string;
  image?: { base64: string; mimeType: string };
}

/** A chat server of our own on this machine: events over a WebSocket, messages over HTTP. */
export class TestChatServer {
  readonly posted: Message[] = [];
  #events: { id: string; [field: string]: unknown }[] = [];
  #count = 0;
  readonly #sockets = new Set<Duplex>();
  readonly #ids = new Map<string, string>();
  #refusal: number | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
      const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (data: Buffer) => this.#frames(socket, data));
      for (const event of this.#events) socket.write(textFrame(JSON.stringify(event)));
    });
  }

  static async start(): Promise<TestChatServer> {
    const made = new TestChatServer();
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Somebody writes. It is sent until it is acknowledged. */
  write({ from, ...rest }: { from: string; room?: string; mention?: boolean; text: string; image?: { url: string; mimeType: string } }): void {
    const event = { id: `e${++this.#count}`, at: Date.now(), from: { id: from }, ...rest };
    this.#events.push(event);
    this.#last = event;
    this.#send(event);
  }

  #last: object = {};

  /** The last event once more. */
  repeat(): void {
    this.#send(this.#last);
  }

  /** The next message is answered with this status. */
  refuse(status: number): void {
    this.#refusal = status;
  }

  /** Every connection breaks off. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith("/pictures/")) return void response.setHeader("content-type", "image/png").end("not much of a picture");
    let body = "";
    for await (const chunk of request) body += chunk;
    response.setHeader("content-type", "application/json");
    if (request.url === "/typing") return void response.end("{}");
    const message = JSON.parse(body) as Message;
    const refusal = this.#refusal ?? (message.to === "nobody" ? 404 : undefined);
    this.#refusal = undefined;
    if (refusal !== undefined) return void response.writeHead(refusal, { "retry-after": "2" }).end("{}");
    const id = this.#ids.get(message.key) ?? `m${this.posted.push(message)}`;
    this.#ids.set(message.key, id);
    response.end(JSON.stringify({ id }));
  }

  #send(event: object): void {
    for (const socket of this.#sockets) socket.write(textFrame(JSON.stringify(event)));
  }

  /** Short frames of a client, which are masked. */
  #frames(socket: Duplex, data: Buffer): void {
    for (let at = 0; at + 6 <= data.length; ) {
      const opcode = (data[at] as number) & 15;
      const length = (data[at + 1] as number) & 127;
      const mask = data.subarray(at + 2, at + 6);
      const text = data.subarray(at + 6, at + 6 + length).map((byte, index) => byte ^ (mask[index % 4] as number));
      at += 6 + length;
      if (opcode === 8) return void socket.end(Buffer.from([0x88, 0]));
      if (opcode !== 1) continue;
      const { ack } = JSON.parse(Buffer.from(text).toString()) as { ack: string };
      this.#events = this.#events.filter(({ id }) => id !== ack);
    }
  }
}

function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? [0x81, payload.length] : [0x81, 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(head), payload]);
}
