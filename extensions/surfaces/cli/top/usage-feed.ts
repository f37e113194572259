import { type Client, PlinthError } from "@plinth/sdk";
import type { GatewayLink } from "@plinth/sdk/home";
import type { WebSocket } from "ws";

export type Usage = Awaited<ReturnType<Client<"plinth.host">["usage"]>>;

const PATIENCE_MS = 5_000;

interface Frame {
  type: string;
  id?: string;
  ok?: boolean;
  result?: unknown;
  error?: { code: string; message: string; next?: string };
}

/** A connection to the running gateway that asks what it and its extensions cost. */
export class UsageFeed {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, { resolve(result: unknown): void; reject(error: unknown): void }>();
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#take(String(data)));
    socket.on("close", () => this.#end());
    socket.on("error", () => this.#end());
  }

  static async open(gateway: GatewayLink): Promise<UsageFeed> {
    const [{ WebSocket }, headers] = await Promise.all([import("ws"), gateway.credentials("GET", "/ws")]);
    const socket = new WebSocket("ws://localhost/ws", { headers, perMessageDeflate: false, createConnection: () => gateway.connect() });
    const feed = new UsageFeed(socket);
    try {
      await bounded(
        new Promise<void>((resolve, reject) => {
          socket.once("open", resolve);
          socket.once("error", () => reject(gone()));
        }),
      );
      return feed;
    } catch (thrown) {
      feed.close();
      throw thrown;
    }
  }

  async now(): Promise<Usage> {
    return (await this.#request("host.usage", {})) as Usage;
  }

  close(): void {
    this.#socket.close();
  }

  #request(method: string, params: unknown): Promise<unknown> {
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.reject(gone());
    const id = String(this.#next++);
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ type: "req", id, method, params }));
    return bounded(answer).finally(() => this.#waiting.delete(id));
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as Frame;
    const waiting = frame.type === "res" && frame.id !== undefined ? this.#waiting.get(frame.id) : undefined;
    if (waiting === undefined) return;
    if (frame.ok === true) return waiting.resolve(frame.result);
    const { code = "PLINTH_GATEWAY", message = "The gateway refused.", next } = frame.error ?? {};
    waiting.reject(new PlinthError(code, message, next === undefined ? {} : { next }));
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(gone());
  }
}

async function bounded<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const next = "Look at its terminal; end it with Ctrl+C and start it again if it stays silent.";
      reject(new PlinthError("PLINTH_GATEWAY_SILENT", `The gateway did not answer within ${PATIENCE_MS / 1_000} s.`, { next }));
    }, PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const gone = (): PlinthError => new PlinthError("PLINTH_GATEWAY_GONE", "The gateway ended.", { next: "Start it again: plinth gateway run" });
