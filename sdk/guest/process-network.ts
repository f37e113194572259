/** The web's network in a process with Node: its own classes, and the host's egress behind them. */
import type { Bridge, FetchHead, FetchRequest } from "@plinth/manifests/wire/bridge.ts";
import { webSocketClasses } from "./web/websocket.ts";

/** Bodies that a status forbids. */
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** From now on the global `fetch` and `WebSocket` ask the host. */
export function useHostNetwork(bridge: Bridge): void {
  const { WebSocket } = webSocketClasses(bridge, Event, EventTarget, (message, name) => new DOMException(message, name));
  for (const [name, value] of Object.entries({ fetch: hostFetch(bridge), WebSocket }))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

const hostFetch = (bridge: Bridge) =>
  async function fetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const request = new Request(input, init);
    if (request.redirect !== "follow")
      throw new TypeError(`redirect: "${request.redirect}" is not supported here; the host follows redirects and checks each.`);
    request.signal.throwIfAborted();
    const items = bridge.fetch(await described(request), request.signal)[Symbol.asyncIterator]();
    const { status, headers } = (await items.next()).value as FetchHead;
    const body = NO_BODY.has(status) ? null : bodyOf(items as AsyncIterator<Uint8Array<ArrayBuffer>>);
    if (body === null) await items.return?.();
    const response = new Response(body, { status, headers });
    Object.defineProperty(response, "url", { value: request.url });
    return response;
  };

async function described(request: Request): Promise<FetchRequest> {
  const sent: FetchRequest = { url: request.url, method: request.method, headers: Object.fromEntries(request.headers) };
  if (request.body === null) return sent;
  return { ...sent, body: Buffer.from(await request.arrayBuffer()).toString("base64"), base64: true };
}

const bodyOf = (items: AsyncIterator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> =>
  new ReadableStream({
    async pull(controller) {
      const { done, value } = await items.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await items.return?.();
    },
  });
