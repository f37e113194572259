import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A chat server of our own on this machine. */
export class TestChatServer {
  readonly posted: { to: string; text: string }[] = [];
  readonly #waiting: { id: number; from: string; text: string }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const url = new URL(request.url ?? "/", "http://x");
      let body = "";
      for await (const chunk of request) body += chunk;
      response.setHeader("content-type", "application/json");
      if (request.method === "POST") return response.end(JSON.stringify({ id: this.posted.push(JSON.parse(body)) }));
      await new Promise((resolve) => setTimeout(resolve, 5));
      response.end(JSON.stringify(this.#waiting.filter(({ id }) => id > Number(url.searchParams.get("after")))));
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

  /** Somebody writes. */
  write(from: string, text: string): void {
    this.#waiting.push({ id: this.#waiting.length + 1, from, text });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
