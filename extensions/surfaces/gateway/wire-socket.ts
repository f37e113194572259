import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { errorInfo } from "@plinth/sdk";
import { type WebSocket, WebSocketServer } from "ws";
import { problem } from "./problem.ts";

export const CLOSE = { stopping: 1001, protocol: 1008, failed: 1011, unauthenticated: 4401, slow: 4408 } as const;

const FRAGMENTS = 1_024;
/** Bytes that wait for each other; a client that reads fast enough is never dropped for what was held back here. */
const MOST_HELD = 64 * 1024;

interface Accepting {
  readonly maxPayload: number;
  /** What may be unread at the client before its pings cost it the connection. */
  readonly bufferedBytes: number;
  /** Of those that the client offered, the one to speak. */
  readonly protocol?: string | undefined;
}

/** Answers an upgrade with yes. Pings are answered as long as somebody reads the answers. */
export function accept(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { maxPayload, bufferedBytes, protocol }: Accepting,
  opened: (client: WebSocket) => void,
): void {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload,
    maxFragments: FRAGMENTS,
    perMessageDeflate: false,
    clientTracking: false,
    autoPong: false,
    handleProtocols: () => protocol ?? false,
  } as ConstructorParameters<typeof WebSocketServer>[0]);
  server.handleUpgrade(request, socket, head, (client) => {
    client.on("ping", (data) => {
      if (client.bufferedAmount > bufferedBytes) client.terminate();
      else client.pong(data);
    });
    opened(client);
  });
}

/** Frames of one moment leave in one piece: what is sent before the loop turns is one write to the network, not one each. */
export class Together {
  readonly #socket: Duplex;
  #held = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Call it before a frame is sent. */
  hold(): void {
    if (this.#held && this.#socket.writableLength > MOST_HELD) this.#leave();
    if (this.#held) return;
    this.#held = true;
    this.#socket.cork();
    process.nextTick(() => this.#leave());
  }

  #leave(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.uncork();
  }
}

/** Answers an upgrade with no, as HTTP. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, body } = problem(errorInfo(error));
  answerUpgrade(socket, status, "application/problem+json", body);
}

export function answerUpgrade(socket: Duplex, status: number, type: string, body: string): void {
  const bytes = Buffer.from(body);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "connection: close",
    "x-content-type-options: nosniff",
    `content-type: ${type}`,
    `content-length: ${bytes.length}`,
    ...(status === 401 ? ["www-authenticate: Bearer"] : []),
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), bytes]));
  socket.once("finish", () => socket.destroy());
}
