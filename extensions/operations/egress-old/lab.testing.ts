import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Site {
  url: string;
  host: string;
  port: number;
  /** What arrived, with its body. */
  seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string; client: string }[];
  server: Server;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const undo: (() => unknown)[] = [];

export async function cleanUp(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

/** A real server; what it got is noted before it answers. */
export async function serve(answer: RequestListener, address = "127.0.0.1"): Promise<Site> {
  const seen: Site["seen"] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers, socket } = request;
    const body = await text(request).catch(() => "");
    seen.push({ method, url, headers, body, client: `${socket.remoteAddress}:${socket.remotePort}` });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${address}:${port}`, host: `${address}:${port}`, port, seen, server };
}

export async function openHost(): Promise<TestHost> {
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  undo.push(() => host.close());
  return host;
}

export type Options = { extension?: string; method?: string; headers?: Record<string, string>; body?: string; timeoutMs?: number; maxBytes?: number };

export const open = (host: TestHost, hosts: string[], url: string, options: Options = {}, signal?: AbortSignal) =>
  host
    .use("plinth.egress")
    .one()
    .exchange({ extension: "acme.client", hosts, url, ...options }, signal === undefined ? {} : { signal });

/** The whole answer. */
export async function read(host: TestHost, hosts: string[], url: string, options: Options = {}): Promise<Answer> {
  let head: Omit<Answer, "body"> | undefined;
  const chunks: Uint8Array[] = [];
  for await (const item of open(host, hosts, url, options)) {
    if (item instanceof Uint8Array) chunks.push(item);
    else head = item;
  }
  return { ...head!, body: Buffer.concat(chunks).toString() };
}
