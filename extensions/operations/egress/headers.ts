import type { IncomingMessage } from "node:http";

type Headers = Record<string, string>;

/** Decided by the exchange: framing, the connection, and which host is meant. A `host` of one's own would get past the grant. */
const OWN = /^(host|connection|content-length|expect|keep-alive|proxy-.*|sec-websocket-.*|te|trailer|transfer-encoding|upgrade|http2-settings)$/;
/** The host puts secrets into any header, so that only what is known to hold none goes to another origin. */
const HARMLESS = /^(accept|accept-encoding|accept-language|cache-control|content-encoding|content-language|content-type|range|user-agent)$/;
/** They describe a body. */
const OF_BODY = /^content-/;

/** What a caller may say, names in lower case. */
export const requestHeaders = (headers: Headers): Headers =>
  keep(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])), (name) => !OWN.test(name));

/** @param sensitive names of headers in which the host put a secret, whatever they are called. */
export const withoutCredentials = (headers: Headers, sensitive: readonly string[]): Headers =>
  keep(headers, (name) => HARMLESS.test(name) && !sensitive.includes(name));

export const withoutBody = (headers: Headers): Headers => keep(headers, (name) => !OF_BODY.test(name));

/** A response's headers, lists joined. */
export const responseHeaders = ({ headers }: IncomingMessage): Headers =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]])),
  );

/** Of one connection, and not for whom a proxy speaks to. */
const HOP = /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;

/** What a proxy hands on: also without what a message names as its connection's own. */
export function endToEnd(headers: IncomingMessage["headers"]): Record<string, string | string[]> {
  const named = String(headers.connection ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase());
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !HOP.test(name) && !named.includes(name));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

const keep = (headers: Headers, wanted: (name: string) => boolean): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => wanted(name)));
