import type { ServerResponse } from "node:http";
import { PlinthError } from "@plinth/sdk";
import { STALL_MS } from "./limits.ts";
import type { Route } from "./routes.ts";

type Item = { status: number; headers?: Record<string, string> } | { text: string } | { base64: string };

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

/** Send a route's answer: first the status item, then chunks, no faster than the client reads them. */
export async function sendItems(response: ServerResponse, route: Route, items: AsyncIterable<Item>, headOnly: boolean): Promise<void> {
  let started = false;
  for await (const item of items) {
    if ("status" in item) {
      if (started) throw outOfOrder(route, "sent a second status");
      started = true;
      const headers = routeHeaders(route, item.headers ?? {});
      response.writeHead(item.status, headers as Record<string, string>);
      if (headOnly || item.status === 204 || item.status === 304) break;
      // A reader of an event stream waits for the head, however late the first event is.
      if (String(headers["content-type"]).startsWith("text/event-stream")) response.flushHeaders();
      continue;
    }
    if (!started) throw outOfOrder(route, "sent a body before its status");
    const chunk = "text" in item ? item.text : Buffer.from(item.base64, "base64");
    if (chunk.length > 0 && !response.write(chunk)) await drained(response);
  }
  if (!started) throw outOfOrder(route, "ended without a status");
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

/** A route's own headers without those that are the gateway's business, and the security headers in any case. */
export function routeHeaders(route: Pick<Route, "trusted">, given: Record<string, string>): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const policies: string[] = [];
  for (const [raw, value] of Object.entries(given)) {
    const name = raw.toLowerCase();
    if (!NAME.test(name) || typeof value !== "string" || !VALUE.test(value)) continue;
    if (OWN.has(name) || name.startsWith("access-control-") || name.startsWith("proxy-") || name.startsWith("sec-")) continue;
    if (name === "content-security-policy") policies.push(value);
    else headers[name] = value;
  }
  headers["content-type"] ??= "application/octet-stream";
  headers["cache-control"] ??= "no-store";
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
