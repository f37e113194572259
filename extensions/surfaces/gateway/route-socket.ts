import type { ClientItem, Principal, SocketItem } from "@plinth/sdk";
import { errorInfo } from "@plinth/sdk";
import type { RawData, WebSocket } from "ws";
import type { Door } from "./http.ts";
import { FAREWELL_MS, STALL_MS, WAITING_MESSAGES } from "./limits.ts";
import type { Route } from "./routes.ts";
import { CLOSE } from "./wire-socket.ts";

interface Waiting {
  readonly item: ClientItem;
  readonly bytes: number;
}

/**
 * One client's WebSocket with a route. Both ways one thing at a time: the client is read from when the route took its last
 * message, and the route is asked for the next item when the last one is on its way.
 */
export class RouteSocket {
  readonly id: string;
  readonly #door: Door;
  readonly #client: WebSocket;
  readonly #route: Route;
  readonly #principal: Principal;
  /** Aborted: the route shall end. */
  readonly #gone: AbortController;
  readonly #perSecond: number;
  readonly #waiting: Waiting[] = [];
  /** Bytes of the messages that wait. */
  held = 0;
  #taking = false;
  /** What still comes is not taken any more. */
  #closing = false;
  #second = { since: 0, taken: 0 };
  #alive = true;

  constructor(door: Door, client: WebSocket, route: Route, id: string, principal: Principal, gone: AbortController) {
    this.id = id;
    this.#door = door;
    this.#client = client;
    this.#route = route;
    this.#principal = principal;
    this.#gone = gone;
    this.#perSecond = route.websocket?.perSecond ?? 1;
    client.on("message", (data: RawData, binary) => this.#receive(data as Buffer, binary));
    client.on("pong", () => {
      this.#alive = true;
    });
    client.on("error", () => {});
    client.on("close", (code, reason) => this.#put({ type: "close", code: code < 1000 ? 1006 : code, reason: String(reason).slice(0, 123) }, 0));
  }

  get inFlight(): number {
    return this.#taking ? 1 : 0;
  }

  /** Who waits for its route is not heard: that is no sign of death. */
  get alive(): boolean {
    return this.#alive || this.#taking;
  }

  ping(): void {
    this.#alive = false;
    this.#client.ping();
  }

  drop(): void {
    this.#client.terminate();
  }

  close(): void {
    this.#close(CLOSE.stopping, "the gateway is stopping");
  }

  /** What came so far is still delivered; nothing else is. */
  announceStop(): void {
    this.#closing = true;
    if (!this.#taking) this.close();
  }

  /** The route's items after `open`, to its end or the client's. */
  async send(items: AsyncIterable<SocketItem>): Promise<void> {
    try {
      for await (const item of items) {
        if (this.#client.readyState !== this.#client.OPEN) break;
        if (item.type === "text") await this.#write(item.text);
        else if (item.type === "bytes") await this.#write(Buffer.from(item.base64, "base64"));
        else if (item.type === "ping") this.#client.ping();
        else if (item.type === "close") return this.#end(item.code ?? 1000, item.reason ?? "");
      }
      this.#end(1000, "");
    } catch (error) {
      this.#fail(error);
    }
  }

  #receive(data: Buffer, binary: boolean): void {
    this.#alive = true;
    if (this.#closing) return;
    this.#put(binary ? { type: "bytes", base64: data.toString("base64") } : { type: "text", text: data.toString() }, data.length);
  }

  #put(item: ClientItem, bytes: number): void {
    // What one read of the socket brought has been parsed already: it waits here, and the socket is not read meanwhile.
    if (this.#waiting.length >= WAITING_MESSAGES && item.type !== "close") return this.#close(CLOSE.protocol, "too many messages at once");
    this.#waiting.push({ item, bytes });
    this.held += bytes;
    if (!this.#taking) void this.#take();
  }

  async #take(): Promise<void> {
    this.#taking = true;
    this.#client.pause();
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.held -= next.bytes;
        await this.#pace();
        await this.#deliver(next.item);
      }
    } catch (error) {
      this.#waiting.length = 0;
      this.held = 0;
      this.#fail(error);
    } finally {
      this.#taking = false;
      this.#client.resume();
    }
    if (this.#closing) this.close();
  }

  async #deliver(item: ClientItem): Promise<void> {
    const { ctx } = this.#door;
    const { client } = this.#route;
    if (item.type !== "close") {
      // Each message is a work of its own: what one meets does not lower the next.
      await ctx.work(this.#principal, () => client.receive({ id: this.id, item }, { signal: this.#gone.signal }));
      return;
    }
    // It may have ended by itself before it could hear this.
    await ctx
      .work(this.#principal, () => client.receive({ id: this.id, item }, { signal: this.#gone.signal, deadlineMs: FAREWELL_MS }))
      .catch(() => {});
    this.#gone.abort();
  }

  /** No more messages in a second than the route says; the others wait where they are, at the client's. */
  async #pace(): Promise<void> {
    const now = performance.now();
    if (now - this.#second.since >= 1_000) this.#second = { since: now, taken: 0 };
    this.#second.taken += 1;
    if (this.#second.taken <= this.#perSecond) return;
    await this.#door.ctx.clock.sleep(1_000 - (now - this.#second.since), this.#gone.signal);
    this.#second = { since: performance.now(), taken: 1 };
  }

  #write(data: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      const stalled = setTimeout(() => this.#client.terminate(), STALL_MS);
      this.#client.send(data, { binary: typeof data !== "string" }, () => {
        clearTimeout(stalled);
        resolve();
      });
    });
  }

  #fail(error: unknown): void {
    if (this.#gone.signal.aborted || this.#client.readyState !== this.#client.OPEN) return;
    const info = errorInfo(error);
    this.#door.ctx.log.error("A WebSocket's route failed.", { route: this.#route.id, error: String(error), ...info });
    this.#end(CLOSE.failed, info.code);
    this.#gone.abort();
  }

  /** With a code that may be sent. */
  #end(code: number, reason: string): void {
    const sendable = code === 1000 || (code >= 3000 && code <= 4999) || (code >= 1001 && code <= 1013 && ![1004, 1005, 1006].includes(code));
    let text = reason;
    while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
    this.#close(sendable ? code : 1000, text);
  }

  #close(code: number, reason: string): void {
    this.#closing = true;
    this.#client.close(code, reason);
    // Its answer to that must be heard, whatever else it has sent.
    this.#client.resume();
  }
}
