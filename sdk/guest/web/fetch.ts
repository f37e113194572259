import type { Bridge, FetchHead, FetchRequest } from "@plinth/manifests/wire/bridge.ts";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { Body, type BodyInit, bytesOf, typeOf } from "./body.ts";
import { Headers, type HeadersInit } from "./headers.ts";

interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit;
  signal?: AbortSignal | null;
  redirect?: string;
}

interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

const METHODS: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"]);
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly signal: AbortSignal | undefined;
  /** For fetch: what was given as the body. */
  readonly content: BodyInit;

  constructor(input: unknown, init: RequestInit = {}) {
    const from = input instanceof Request ? input : null;
    const content = init.body ?? from?.content ?? null;
    super(content);
    this.content = content;
    this.url = from?.url ?? new URL(String(input)).href;
    const method = init.method === undefined ? (from?.method ?? "GET") : String(init.method);
    this.method = METHODS.has(method.toUpperCase()) ? method.toUpperCase() : method;
    if (content !== null && (this.method === "GET" || this.method === "HEAD")) throw new TypeError("Request with GET/HEAD method cannot have body.");
    if (init.redirect !== undefined && init.redirect !== "follow")
      throw new TypeError(`redirect: ${JSON.stringify(init.redirect)} is not supported here; the host follows redirects and checks each.`);
    this.headers = new Headers(init.headers ?? from?.headers);
    const type = typeOf(content);
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
    this.signal = init.signal ?? from?.signal ?? undefined;
  }
}

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly type = "default";

  constructor(body: BodyInit | AsyncIterator<Uint8Array> = null, init: ResponseInit & { url?: string } = {}) {
    const { status = 200, statusText = "", url = "" } = init;
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError("a response's status is from 200 to 599");
    if (body !== null && NO_BODY.has(status)) throw new TypeError(`a response with status ${status} has no body`);
    super(body);
    this.status = status;
    this.statusText = String(statusText);
    this.headers = new Headers(init.headers);
    this.url = url;
    const type = typeOf(body as BodyInit);
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get redirected(): boolean {
    return false;
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }
}

/**
 * `fetch` over the host's egress: granted hosts only, every redirect checked again. A refusal or a failure is an error with a code
 * of the host (`PLINTH_NET`, `PLINTH_PERMISSION`), not a bare TypeError.
 */
export const makeFetch =
  (bridge: Bridge) =>
  async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const { url, method, headers, content, signal } = new Request(input, init);
    signal?.throwIfAborted();
    const request: FetchRequest = { url, method, headers: Object.fromEntries(headers) };
    if (typeof content === "string") request.body = content;
    else if (content !== null) Object.assign(request, { body: toBase64(bytesOf(content)), base64: true });
    const items = withReason(bridge.fetch(request, signal)[Symbol.asyncIterator](), signal);
    const first = await items.next();
    if (first.done) throw new TypeError("fetch failed: there was no answer");
    const head = first.value as FetchHead;
    const body = items as AsyncIterator<Uint8Array>;
    if (NO_BODY.has(head.status) || method === "HEAD") {
      await body.return?.();
      return new Response(null, { ...head, url });
    }
    return new Response(body, { ...head, url });
  };

/** What was aborted fails with the reason of its signal. */
function withReason<T>(items: AsyncIterator<T>, signal: AbortSignal | undefined): AsyncIterator<T> {
  const rethrow = (thrown: unknown): never => {
    throw signal?.aborted ? signal.reason : thrown;
  };
  return {
    next: () => items.next().catch(rethrow),
    return: () => items.return?.() ?? Promise.resolve({ done: true as const, value: undefined }),
  };
}
