import type { Bridge, FetchHead, FetchRequest } from "@plinth/manifests/wire/bridge.ts";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { Body, type BodyInit, type Content, contentOf } from "./body.ts";
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

const METHODS: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);
/** For what is made of a content that is there already. */
const COPIED = Symbol("copied");
type Copied = { readonly [COPIED]: Content };

const typed = (headers: Headers, { type }: Content): void => {
  if (type !== null && !headers.has("content-type")) headers.set("content-type", type);
};

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly redirect = "follow";

  constructor(input: unknown, init: (RequestInit & Partial<Copied>) | null = {}) {
    const { method: asked, headers, body, signal, redirect, [COPIED]: copied } = init ?? {};
    const from = input instanceof Request ? input : null;
    const url = from?.url ?? addressOf(String(input));
    const method = methodOf(asked === undefined ? (from?.method ?? "GET") : String(asked));
    const given = body !== undefined && body !== null;
    if ((given || from?.hasBody === true) && (method === "GET" || method === "HEAD"))
      throw new TypeError("Request with GET/HEAD method cannot have body.");
    if (redirect !== undefined && redirect !== "follow")
      throw new TypeError(`redirect: ${JSON.stringify(redirect)} is not supported here; the host follows redirects and checks each.`);
    const content = copied ?? (given || from === null ? contentOf(body) : from.taken());
    super(content);
    this.url = url;
    this.method = method;
    this.headers = new Headers(headers ?? from?.headers);
    typed(this.headers, content);
    this.signal = signal ?? from?.signal ?? new AbortController().signal;
  }

  clone(): Request {
    return new Request(this.url, { method: this.method, headers: this.headers, signal: this.signal, [COPIED]: this.split() });
  }

  /** Its content for another request, which it has not any more. */
  taken(): Content {
    const content = this.split();
    if (content.source !== null) void this.bytes().catch(() => {});
    return content;
  }

  get [Symbol.toStringTag](): string {
    return "Request";
  }
}

function addressOf(input: string): string {
  const { href, username, password } = new URL(input);
  if (username !== "" || password !== "") throw new TypeError("an address for requests has no user and no password; send them in a header");
  return href;
}

function methodOf(name: string): string {
  const upper = name.toUpperCase();
  if (!TOKEN.test(name) || FORBIDDEN.has(upper)) throw new TypeError(`${JSON.stringify(name)} is not a method for requests`);
  return METHODS.has(upper) ? upper : name;
}

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly type: "default" | "error";
  readonly redirected = false;

  constructor(body: BodyInit | AsyncIterator<Uint8Array> = null, init: (ResponseInit & { url?: string } & Partial<Copied>) | null = {}) {
    const { status = 200, statusText = "", url = "", headers, [COPIED]: copied } = init ?? {};
    const number = Math.trunc(Number(status));
    const isError = copied !== undefined && number === 0;
    if (!isError && !(number >= 200 && number <= 599)) throw new RangeError("a response's status is from 200 to 599");
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(statusText))) throw new TypeError("a response's statusText is a reason phrase");
    const content = copied ?? contentOf(body);
    if (content.source !== null && NO_BODY.has(number)) throw new TypeError(`a response with status ${number} has no body`);
    super(content);
    this.status = number;
    this.statusText = String(statusText);
    this.headers = new Headers(headers);
    this.url = url;
    this.type = isError ? "error" : "default";
    typed(this.headers, content);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  clone(): Response {
    const { status, statusText, url, headers } = this;
    return new Response(null, { status, statusText, url, headers, [COPIED]: this.split() });
  }

  get [Symbol.toStringTag](): string {
    return "Response";
  }

  static error(): Response {
    return new Response(null, { status: 0, [COPIED]: { source: null, type: null } });
  }

  static redirect(url: unknown, status = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is not the status of a redirect`);
    return new Response(null, { status, headers: { location: new URL(String(url)).href } });
  }

  static json(value: unknown, init: ResponseInit | null = {}): Response {
    const headers = new Headers(init?.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError("the value is not JSON data");
    return new Response(text, { ...init, headers });
  }
}

/**
 * `fetch` over the host's egress: granted hosts only, every redirect checked again. A refusal or a failure is an error with a code
 * of the host (`PLINTH_NET`, `PLINTH_PERMISSION`), not a bare TypeError. What is sent is sent whole.
 */
export const makeFetch =
  (bridge: Bridge) =>
  async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const made = new Request(input, init);
    const { url, method, headers } = made;
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    const request: FetchRequest = { url, method, headers: Object.fromEntries(headers) };
    if (typeof init?.body === "string") request.body = init.body;
    else if (made.hasBody) Object.assign(request, { body: toBase64(await made.bytes()), base64: true });
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
