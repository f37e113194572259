import type { Socket } from "@plinth/sdk";
import type { ChatServer, Happening } from "./chat-server.ts";

/** One connection at a time: told to connect twice it connects once, and what ends it unasked is told. */
export class Connection {
  readonly #server: ChatServer;
  readonly #take: (happening: Happening) => Promise<void>;
  readonly #lost: () => Promise<void>;
  #socket: Promise<Socket> | undefined;
  #reading: Promise<void> = Promise.resolve();

  /** @param take what it rejects is not acknowledged, and ends the connection: it comes again with the next one. */
  constructor(server: ChatServer, take: (happening: Happening) => Promise<void>, lost: () => Promise<void>) {
    this.#server = server;
    this.#take = take;
    this.#lost = lost;
  }

  get state(): "connected" | "down" {
    return this.#socket === undefined ? "down" : "connected";
  }

  async open(): Promise<void> {
    if (this.#socket !== undefined) return void (await this.#socket);
    const opening = this.#server.events();
    this.#socket = opening;
    try {
      const socket = await opening;
      if (this.#socket === opening) this.#reading = this.#read(socket, opening);
      else await socket.close();
    } catch (error) {
      if (this.#socket === opening) this.#socket = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const opening = this.#socket;
    this.#socket = undefined;
    await (await opening?.catch(() => undefined))?.close();
    await this.#reading;
  }

  async #read(socket: Socket, opening: Promise<Socket>): Promise<void> {
    try {
      for await (const frame of socket) {
        const happening = JSON.parse(String(frame)) as Happening;
        await this.#take(happening);
        await socket.send(JSON.stringify({ ack: happening.id }));
      }
    } catch {
      await socket.close().catch(() => {});
    }
    if (this.#socket !== opening) return;
    this.#socket = undefined;
    await this.#lost();
  }
}
