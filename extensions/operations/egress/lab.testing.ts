import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { Network } from "./address.ts";
import { Authorities } from "./authorities.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { Upstreams } from "./upstream.ts";

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

/** At the end of the test, what came last first. */
export const afterwards = (step: () => unknown): void => void undo.push(step);

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

/** A real WebSocket server. */
export async function serveSockets(
  onSocket: (socket: WebSocket, request: IncomingMessage) => void = () => {},
  options: ServerOptions = {},
): Promise<{ url: string; host: string; port: number; server: WebSocketServer }> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  server.on("connection", onSocket);
  await new Promise<void>((resolve) => server.once("listening", resolve));
  undo.push(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, host: `127.0.0.1:${port}`, port, server };
}

export type SocketItem = { open?: string; protocol?: string; text?: string; binary?: Uint8Array; close?: number; reason?: string };

/** A socket as the host asks for it: the first item is taken, the others are for the test to read. */
export async function connect(host: TestHost, hosts: string[], url: string, more: { protocols?: string[]; headers?: Record<string, string> } = {}) {
  const egress = host.use("plinth.egress").one();
  const extension = "acme.client";
  const aborting = new AbortController();
  const items = egress.connect({ extension, hosts, url, ...more }, { signal: aborting.signal })[Symbol.asyncIterator]() as AsyncIterator<SocketItem>;
  const { open: id = "", protocol = "" } = (await items.next()).value;
  return {
    id,
    protocol,
    aborting,
    next: async (): Promise<SocketItem> => (await items.next()).value,
    leave: () => items.return?.(),
    send: (data: string | Uint8Array, as = extension) => egress.send({ extension: as, id, data }),
    close: (code?: number, reason?: string, as = extension) => egress.close({ extension: as, id, code, reason }),
  };
}

/** Without a proxy and with Node's own certificate authorities. */
export const openNetwork = (): Network => ({
  upstreams: new Upstreams({ proxy: "none", noProxy: [], env: {} }),
  authorities: new Authorities({ files: [], variable: undefined }),
});

export async function openHost(own: { config?: object; env?: Record<string, string> } = {}): Promise<TestHost> {
  const host = await createTestHost({ extensions: [{ manifest, extension, ...own }] });
  undo.push(() => host.close());
  return host;
}

export interface Options {
  extension?: string;
  method?: string;
  headers?: Record<string, string>;
  sensitive?: string[];
  body?: string;
  timeoutMs?: number;
  maxBytes?: number;
}

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
