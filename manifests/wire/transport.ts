import type { Duplex } from "node:stream";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { WireMessage } from "./protocol.ts";

/** What a peer needs of its connection. */
export interface Transport {
  /** One batch of serialised messages, as one unit. */
  send(batch: readonly string[]): void;
  /** Size of a message on the wire. */
  bytes(text: string): number;
  /** True while only what must be sent should be sent. */
  readonly full: boolean;
  /** Resolves when there is room again, or the connection is gone. */
  drained(): Promise<void>;
  listen(receiver: Receiver): void;
  close(): void;
}

export interface Receiver {
  /** May throw: then the connection broke the protocol. */
  messages(batch: WireMessage[]): void;
  broke(why: string): void;
  ended(how: string): void;
}

/** Frames over a duplex stream. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #reader = new FrameReader();
  #draining: Promise<void> | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  get full(): boolean {
    return this.#stream.writableNeedDrain;
  }

  send(batch: readonly string[]): void {
    this.#stream.write(encodeFrame(batch));
  }

  bytes(text: string): number {
    return Buffer.byteLength(text);
  }

  /** One wait for all streams. */
  drained(): Promise<void> {
    this.#draining ??= new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stream.off("drain", done);
        this.#stream.off("close", done);
        this.#draining = null;
        resolve();
      };
      this.#stream.on("drain", done);
      this.#stream.on("close", done);
    });
    return this.#draining;
  }

  listen({ messages, broke, ended }: Receiver): void {
    this.#stream.on("data", (chunk: Buffer) => {
      try {
        messages(this.#reader.push(chunk));
      } catch (thrown) {
        broke(thrown instanceof Error ? thrown.message : "unreadable frame");
      }
    });
    this.#stream.on("error", (error) => ended(error.message));
    this.#stream.on("close", () => ended("connection closed"));
  }

  close(): void {
    this.#stream.destroy();
  }
}
