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
  /** Bytes that wait for the other side to read them. */
  readonly unsent: number;
  /** Resolves when there is room again, or the connection is gone. */
  drained(): Promise<void>;
  listen(receiver: Receiver): void;
  close(): void;
}

export interface Receiver {
  /** May throw: then the connection broke the protocol. `bytes`: what they came in; not told = nothing is counted. An empty batch was an empty frame. */
  messages(batch: WireMessage[], bytes?: number): void;
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
  readonly #spend: (ms: number) => void;
  #slow: NodeJS.Timeout | null = null;
  #draining: Promise<void> | null = null;

  /** @param spend told how long it took to read and handle what came, in milliseconds. */
  constructor(stream: Duplex, spend: (ms: number) => void = () => {}) {
    this.#stream = stream;
    this.#spend = spend;
  }

  get unsent(): number {
    return this.#stream.writableLength;
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
      const began = performance.now();
      try {
        const [reader, held, empty] = [this.#reader, this.#reader.held, this.#reader.empty];
        const complete = reader.push(chunk);
        if (complete.length > 0 || !reader.partial) this.#stopWaiting();
        if (reader.partial) this.#slow ??= this.#waitForRest(broke);
        for (let n = empty; n < reader.empty; n++) messages([]);
        if (complete.length > 0) messages(complete, held + chunk.length - reader.held);
      } catch (thrown) {
        broke(thrown instanceof Error ? thrown.message : "unreadable frame");
      }
      this.#spend(performance.now() - began);
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
