import type { ServerResponse } from "node:http";
import { type HttpItem, PlinthError } from "@plinth/sdk";
import { cookieFrom } from "./cookies.ts";
import { STALL_MS } from "./limits.ts";
import type { Route } from "./routes.ts";

/** Headers that belong to the gateway: framing, credentials, and what would open the origin to others. */
const OWN = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "set-cookie",
  "clear-site-data",
  "strict-transport-security",
  "service-worker-allowed",
  "server",
  "date",
  "x-content-type-options",
  "x-frame-options",
  "referrer-policy",
  "cross-origin-resource-policy",
  "cross-origin-opener-policy",
]);
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const MOST_VALUES = 32;
/** Of which a second one would be a second meaning. */
const SINGLE = new Set(["content-type", "content-encoding", "content-disposition", "location", "etag", "last-modified", "retry-after"]);
const VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;

const SECURITY = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};
const FRAMES = "frame-ancestors 'none'";
const PAGE = `default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'`;
/** An opaque origin: such a page cannot read what the bundled page keeps, the token above all. */
const SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads";

/** What the gateway knows of an answer besides what its route says. */
export interface Sending {
  readonly route: Route;
  /** Headers of the gateway's own. */
  readonly cors: Record<string, string>;
  /** Whether the client came over TLS, as far as is known. */
  readonly secure: boolean;
  readonly headOnly: boolean;
  /** The first item is there. */
  begun(): void;
}

/** Send a route's answer: first the head, then chunks, no faster than the client reads them. */
export async function sendItems(response: ServerResponse, sending: Sending, items: AsyncIterable<HttpItem>): Promise<void> {
  const { route } = sending;
  let started = false;
  for await (const item of items) {
    switch (item.type) {
      case "head": {
        if (started) throw outOfOrder(route, "sent a second head");
        started = true;
        sending.begun();
        const headers = routeHeaders(route, item.headers ?? {}, sending.secure);
        const vary = [headers.vary ?? [], sending.cors.vary ?? []].flat().join(", ");
        Object.assign(headers, sending.cors, vary === "" ? {} : { vary });
        response.writeHead(item.status, headers as Record<string, string>);
        // A reader of an event stream waits for the head, however late the first event is.
        if (String(headers["content-type"]).startsWith("text/event-stream")) response.flushHeaders();
        if (sending.headOnly || item.status === 204 || item.status === 304) return void response.end();
        break;
      }
      case "text":
      case "bytes": {
        if (!started) throw outOfOrder(route, "sent a body before its head");
        const chunk = item.type === "text" ? item.text : Buffer.from(item.base64, "base64");
        if (chunk.length > 0 && !response.write(chunk)) await drained(response);
        break;
      }
      case "flush":
        if (started) response.flushHeaders();
    }
  }
  if (!started) throw outOfOrder(route, "ended without a head");
  response.end();
}

/** Send one of the gateway's own answers. */
export function sendWhole(response: ServerResponse, status: number, type: string, body: string, headers: Record<string, string> = {}): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    ...SECURITY,
    "content-security-policy": `default-src 'none'; ${FRAMES}`,
    "cache-control": "no-store",
    "content-type": type,
    "content-length": bytes.length,
    ...headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : bytes);
}

type Values = Record<string, string | string[]>;

/** A route's own headers without those that are the gateway's business, and the security headers in any case. */
export function routeHeaders(route: Pick<Route, "trusted" | "auth" | "extension">, given: Values, secure = false): Values {
  const headers: Values = {};
  const policies: string[] = [];
  const cookies: string[] = [];
  for (const [raw, value] of Object.entries(given)) {
    const name = raw.toLowerCase();
    const values = [value].flat().filter((one) => typeof one === "string" && VALUE.test(one));
    if (!NAME.test(name) || values.length === 0 || values.length > MOST_VALUES) continue;
    // Only who knows nobody else's visitors has any of its own.
    if (name === "set-cookie" && route.auth === "own") {
      cookies.push(...values.map((one) => cookieFrom(route.extension, one, secure)).filter((one) => one !== undefined));
    }
    if (OWN.has(name) || name.startsWith("access-control-") || name.startsWith("proxy-") || name.startsWith("sec-")) continue;
    if (name === "content-security-policy") policies.push(...values);
    else headers[name] = SINGLE.has(name) || values.length === 1 ? (values[0] as string) : values;
  }
  headers["content-type"] ??= "application/octet-stream";
  headers["cache-control"] ??= "no-store";
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  if (policies.length === 0 && String(headers["content-type"]).toLowerCase().includes("html")) policies.push(PAGE);
  // Several policies hold all at once: a route's own one cannot loosen these.
  policies.push(route.trusted ? FRAMES : `${SANDBOX}; ${FRAMES}`);
  return Object.assign(headers, SECURITY, { "content-security-policy": policies });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), STALL_MS);
    const done = (): void => {
      clearTimeout(timer);
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
    if (response.destroyed) done();
  });
}

const outOfOrder = (route: Route, what: string): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `The route ${route.id} ${what}.`, {
    extension: route.extension,
    next: "Report it to the author of the extension.",
  });
