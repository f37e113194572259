import type { PlinthError } from "@plinth/sdk";
import type { RawData, WebSocket } from "ws";

type Message = { text: string } | { binary: Uint8Array };

/** How many messages, and how many bytes of them, wait for their reader before the connection is paused. */
const MAX_HELD = 64;
const MAX_BYTES = 262_144;

/** The messages of a socket, in order. What nobody reads stays with the sender: the connection is paused. */
export class Messages implements AsyncIterable<Message> {
  readonly #socket: WebSocket;
  #held: { message: Message; size: number }[] = [];
  #bytes = 0;
  #wake: (() => void) | null = null;
  #failure: PlinthError | null = null;
  #over = false;
  end = { code: 1006, reason: "" };

  constructor(socket: WebSocket, failed: (error: Error) => PlinthError) {
    this.#socket = socket;
    socket.on("message", (data: RawData, isBinary: boolean) => this.#take(data as Buffer, isBinary));
    socket.on("error", (error) => {
      this.#failure ??= failed(error);
    });
    const closed = (code: number, reason: Buffer): void => {
      this.end = { code, reason: reason.toString("utf8") };
      this.#over = true;
      this.#wake?.();
    };
    if (socket.readyState === socket.CLOSED) closed(1006, Buffer.alloc(0));
    else socket.once("close", closed);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      const next = this.#held.shift();
      if (next !== undefined) {
        this.#bytes -= next.size;
        yield next.message;
        continue;
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#over) return;
      if (this.#socket.isPaused) this.#socket.resume();
      // Between the look and the wait nothing can happen: both are of one turn.
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  #take(data: Buffer, isBinary: boolean): void {
    this.#held.push({ message: isBinary ? { binary: data } : { text: data.toString("utf8") }, size: data.length });
    this.#bytes += data.length;
    if (this.#held.length >= MAX_HELD || this.#bytes >= MAX_BYTES) this.#socket.pause();
    this.#wake?.();
  }
}
