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

/** How long a frame may take from its first byte to its last, in ticks: time in which nothing here ran does not count. */
const FRAME_TICKS = 30;
const TICK_MS = 1_000;

/** Frames over a duplex stream. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #reader = new FrameReader();
  #slow: NodeJS.Timeout | null = null;
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
        const complete = this.#reader.push(chunk);
        if (complete.length > 0 || !this.#reader.partial) this.#stopWaiting();
        if (this.#reader.partial) this.#slow ??= this.#waitForRest(broke);
        messages(complete);
      } catch (thrown) {
        broke(thrown instanceof Error ? thrown.message : "unreadable frame");
      }
    });
    this.#stream.on("error", (error) => ended(error.message));
    this.#stream.on("close", () => ended("connection closed"));
  }

  close(): void {
    this.#stopWaiting();
    this.#stream.destroy();
  }

  #waitForRest(broke: Receiver["broke"]): NodeJS.Timeout {
    let ticks = 0;
    return setInterval(() => {
      if (++ticks >= FRAME_TICKS) broke(`a frame was not complete after ${(FRAME_TICKS * TICK_MS) / 1000} s`);
    }, TICK_MS).unref();
  }

  #stopWaiting(): void {
    if (this.#slow !== null) clearInterval(this.#slow);
    this.#slow = null;
  }
}
