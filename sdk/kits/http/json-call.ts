import { isPlinthError, PlinthError } from "../../extension/errors.ts";
import type { Clock, FetchOptions, FetchResponse } from "../../extension/index.ts";
import { retryAfterMs } from "./retry-after.ts";

/** `ctx.fetch`, or anything of its shape. */
export type Fetch = (url: string, options?: FetchOptions) => Promise<FetchResponse>;

export interface JsonCall {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  /** Longest wait for the answer's head; default 30 s. */
  timeoutMs?: number;
  /** Longest answer; default 4 MiB. */
  maxBytes?: number;
  /** How often it is tried in all; default 3. */
  attempts?: number;
  /** A server that wants to be left alone for longer is not waited for; default 30 s. */
  maxWaitMs?: number;
  /** As of `ctx.fetch`; an answer that leads elsewhere and is not followed is an `HttpError`. */
  redirect?: FetchOptions["redirect"];
  /** true: may be sent again although the first one may have arrived. Default: for GET, HEAD, PUT and DELETE. */
  repeatable?: boolean;
}

export interface JsonAnswer<T = unknown> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** undefined for an answer without a body. */
  readonly value: T;
}

/** What a server answered instead of what was asked for. */
export class HttpError extends PlinthError {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** As JSON where it is some, else the first 2,000 characters. */
  readonly body: unknown;

  constructor(url: string, status: number, body: unknown, wait: number | undefined) {
    const next = wait === undefined ? "See what it says, and what it was asked for." : `Wait ${Math.ceil(wait / 1_000)} s.`;
    super(status === 429 ? "PLINTH_RATE_LIMITED" : "PLINTH_NET", `${new URL(url).host} answered with ${status}.`, { next });
    this.status = status;
    this.body = body;
    this.retryAfterMs = wait;
  }
}

const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const BUSY = new Set([429, 503]);
const FAILED = new Set([408, 500, 502, 504]);

/**
 * One call of a JSON API, with bounds on time, size and tries. What was refused because of load is sent again when the server
 * says, or after a pause that doubles; what failed otherwise is sent again only where that can do no harm.
 */
export async function jsonCall<T = unknown>(
  fetch: Fetch,
  clock: Pick<Clock, "now" | "sleep">,
  url: string,
  call: JsonCall = {},
): Promise<JsonAnswer<T>> {
  const { method = call.body === undefined ? "GET" : "POST", attempts = 3, maxWaitMs = 30_000, signal } = call;
  const repeatable = call.repeatable ?? REPEATABLE.has(method);
  for (let attempt = 1; ; attempt += 1) {
    let failure: unknown;
    let wait: number | undefined;
    try {
      const answer = await once<T>(fetch, clock, url, { ...call, method });
      if (!(answer instanceof HttpError)) return answer;
      failure = answer;
      if (!BUSY.has(answer.status) && !(repeatable && FAILED.has(answer.status))) throw answer;
      wait = answer.retryAfterMs;
    } catch (thrown) {
      if (thrown instanceof HttpError || !repeatable || signal?.aborted || !isNetwork(thrown)) throw thrown;
      failure = thrown;
    }
    wait ??= 500 * 2 ** (attempt - 1) * (1 + Math.random());
    if (attempt >= attempts || wait > maxWaitMs) throw failure;
    await clock.sleep(wait, signal);
  }
}

async function once<T>(
  fetch: Fetch,
  clock: Pick<Clock, "now">,
  url: string,
  call: JsonCall & { method: string },
): Promise<JsonAnswer<T> | HttpError> {
  const { method, headers, body, signal, timeoutMs = 30_000, maxBytes = 4 * 1024 * 1024, redirect } = call;
  const response = await fetch(url, {
    method,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
    ...(redirect === undefined ? {} : { redirect }),
    timeoutMs,
    maxBytes,
  });
  const text = await response.text();
  if (response.ok) return { status: response.status, headers: response.headers, value: (text === "" ? undefined : JSON.parse(text)) as T };
  return new HttpError(url, response.status, jsonOr(text), retryAfterMs(response.headers["retry-after"], clock.now()));
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 2_000);
  }
}

/** No answer came. What the host refused to send, it will refuse the next time too; an answer that is no JSON stays none. */
const isNetwork = (thrown: unknown): boolean => isPlinthError(thrown) && (thrown.code === "PLINTH_NET" || thrown.code === "PLINTH_DEADLINE");
