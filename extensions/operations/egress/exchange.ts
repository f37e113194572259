import type { IncomingMessage } from "node:http";
import { PlinthError, type Provider } from "@plinth/sdk";
import { endOf, forbidden, overBudget, parseUrl, unreachable } from "./address.ts";
import { requestHeaders, responseHeaders, withoutBody, withoutCredentials } from "./headers.ts";
import { type Grant, type Outgoing, send } from "./send.ts";

const SCHEMES = ["https:", "http:"];
const MAX_REDIRECTS = 5;
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 3_600_000;
const IDLE_MS = 120_000;
const DEFAULT_MAX_BYTES = 64 * 1_048_576;

export type Request = Parameters<Provider<"plinth.egress">["exchange"]>[0];
type Head = { status: number; headers: Record<string, string> };

/**
 * One HTTP exchange on behalf of an extension: the name is resolved once, every address is checked, the connection goes
 * to a checked address, redirects are checked again, the head has a deadline, the body is bounded in size and idle time.
 */
export async function* exchange(grant: Grant, request: Request, caller?: AbortSignal): AsyncGenerator<Head | Uint8Array> {
  const timeoutMs = bounded(request.timeoutMs, DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
  const late = new AbortController();
  const signal = caller === undefined ? late.signal : AbortSignal.any([caller, late.signal]);
  let outgoing = firstRequest(grant.extension, request);
  const timer = setTimeout(() => late.abort(unreachable(grant.extension, outgoing.url, `no answer within ${timeoutMs} ms`)), timeoutMs);
  let response: IncomingMessage | undefined;
  try {
    for (let hop = 0; ; hop++) {
      response = await send(grant, outgoing, signal);
      const target = redirectOf(response);
      if (target === null || request.redirect === "manual") break;
      response.destroy();
      if (hop === MAX_REDIRECTS) throw new PlinthError("PLINTH_NET", `${outgoing.url.host} redirects too often.`, { extension: grant.extension });
      outgoing = redirected(grant.extension, request.sensitive ?? [], outgoing, response.statusCode ?? 0, target);
    }
    clearTimeout(timer);
    yield { status: response.statusCode ?? 0, headers: responseHeaders(response) };
    yield* readBody(grant.extension, outgoing.url, response, bounded(request.maxBytes, DEFAULT_MAX_BYTES, Number.MAX_SAFE_INTEGER), signal);
  } finally {
    clearTimeout(timer);
    // A response that was read to its end leaves its connection for the next request; any other one closes it.
    response?.destroy();
  }
}

/** What is no number of this range counts as not given: NaN would switch a limit off. */
const bounded = (value: number | undefined, preset: number, max: number): number =>
  value !== undefined && value >= 0 ? Math.min(value, max) : preset;

function firstRequest(extension: string, request: Request): Outgoing {
  const method = (request.method ?? "GET").toUpperCase();
  if (/^(CONNECT|TRACE|TRACK)$/.test(method)) throw forbidden(extension, `use the method ${method}`);
  const body = request.body === undefined ? undefined : Buffer.from(request.body, request.base64 ? "base64" : "utf8");
  return { url: parseUrl(extension, request.url, SCHEMES), method, headers: requestHeaders(request.headers ?? {}), body };
}

const redirectOf = ({ statusCode, headers: { location } }: IncomingMessage): string | null =>
  location !== undefined && [301, 302, 303, 307, 308].includes(statusCode ?? 0) ? location : null;

function redirected(extension: string, sensitive: readonly string[], outgoing: Outgoing, status: number, location: string): Outgoing {
  const { url, method, headers, body } = outgoing;
  const target = parseUrl(extension, location, SCHEMES, url);
  const allowed = target.origin === url.origin ? headers : withoutCredentials(headers, sensitive);
  if ((status === 303 && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST"))
    return { url: target, method: "GET", headers: withoutBody(allowed), body: undefined };
  return { url: target, method, headers: allowed, body };
}

async function* readBody(extension: string, url: URL, response: IncomingMessage, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (let bytes = 0; ; ) {
    // Counts while we wait for the server, not while the reader of the stream takes its time.
    const silent = setTimeout(() => response.destroy(new Error(`silent for ${IDLE_MS / 1_000} s`)), IDLE_MS);
    let step: IteratorResult<Buffer>;
    try {
      step = await chunks.next();
    } catch (thrown) {
      if (signal.aborted) throw endOf(signal);
      throw new PlinthError("PLINTH_NET", `${url.host} broke off its answer (${(thrown as Error).message}).`, {
        extension,
        cause: thrown,
        next: "Try again.",
      });
    } finally {
      clearTimeout(silent);
    }
    if (step.done) return;
    bytes += step.value.length;
    if (bytes > maxBytes)
      throw overBudget(extension, `a response of ${url.host} is larger than ${maxBytes} bytes`, "Ask for less, or raise maxBytes.");
    yield step.value;
  }
}
