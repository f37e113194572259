import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { HttpRequest } from "@plinth/sdk";
import { cookiesFor } from "./cookies.ts";
import { refuse } from "./problem.ts";
import type { Found } from "./routes.ts";
import type { TokenCheck } from "./token.ts";

export interface Target {
  /** Decoded, without the query. */
  readonly path: string;
  readonly raw: string;
  readonly query: [string, string][];
}

/** What a route learns of every request, whatever its body. */
export type RequestHead = Omit<HttpRequest, "body">;

/** What is in front of the gateway, as the operator configured it. */
export interface PublicName {
  readonly scheme: "http" | "https";
  readonly host: string;
  /** Without a slash at its end. */
  readonly url: string;
}

const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);
const MOST_PAIRS = 256;

/** The path and the query of a request line. Paths that could mean two things are refused, not guessed at. */
export function parseTarget(url: string): Target {
  if (!url.startsWith("/")) throw refuse.badRequest("the request line holds no path");
  const mark = url.indexOf("?");
  const raw = mark === -1 ? url : url.slice(0, mark);
  let path: string;
  try {
    path = raw.includes("%") ? decodeURIComponent(raw) : raw;
  } catch {
    throw refuse.badRequest("the path is not correctly percent-encoded");
  }
  if (!isPlain(path)) throw refuse.badRequest("the path holds control characters, backslashes or dot segments");
  return { path, raw: url, query: mark === -1 ? [] : [...new URLSearchParams(url.slice(mark + 1))].slice(0, MOST_PAIRS) };
}

function isPlain(path: string): boolean {
  for (let index = 0; index < path.length; index += 1) {
    const code = path.charCodeAt(index);
    if (code < 32 || code === 127 || code === 92) return false;
  }
  return !path.includes("//") && !/\/\.{1,2}(\/|$)/.test(path);
}

/** Two Host headers name two hosts: which one was meant would be for each reader to choose. */
export function assertOneHost({ rawHeaders }: IncomingMessage): void {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts += 1;
  if (hosts > 1) throw refuse.badRequest("it names more than one host");
}

/**
 * A request as its route sees it. Credentials are left out, unless the route checks them itself; the gateway's own token does
 * not reach an extension in any header, and not in the request line.
 */
export function requestHead(
  request: IncomingMessage,
  { path, raw, query }: Target,
  { route, params }: Found,
  token: TokenCheck,
  known: PublicName | undefined,
): RequestHead {
  if (token.within(raw)) throw refuse.tokenInAddress();
  const rawHeaders = headersFor(request, route, token);
  const host = known?.host ?? request.headers.host ?? "";
  if (token.within(host)) throw refuse.tokenInAddress();
  const scheme = known?.scheme ?? "http";
  return {
    id: randomBytes(18).toString("base64url"),
    method: request.method ?? "GET",
    path,
    params: { ...params },
    target: raw,
    query,
    headers: joined(rawHeaders),
    rawHeaders,
    url: `${known?.url ?? `${scheme}://${host}`}${raw}`,
    scheme,
    host,
    remote: request.socket.remoteAddress ?? "",
    ...(route.auth === "token" ? { caller: token.holder } : {}),
  };
}

function headersFor({ rawHeaders }: IncomingMessage, { auth, extension: owner, key }: Found["route"], token: TokenCheck): [string, string][] {
  /** Whose route checks credentials itself; undefined: nobody's does. */
  const extension = auth === "own" ? owner : undefined;
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const lower = name.toLowerCase();
    let value = rawHeaders[at + 1] as string;
    // Somebody's key of elsewhere, perhaps, beside the token.
    if (lower === key) continue;
    if (CREDENTIALS.has(lower)) {
      if (extension === undefined || lower === "proxy-authorization" || /^plinth /i.test(value)) continue;
      if (lower === "cookie") value = cookiesFor(extension, value);
      if (value === "") continue;
    }
    if (!token.within(`${name}: ${value}`)) pairs.push([name, value]);
  }
  return pairs;
}

/** Lower case, one text each. */
function joined(pairs: readonly [string, string][]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [raw, value] of pairs) {
    const name = raw.toLowerCase();
    const before = values.get(name);
    // Of a credential or an encoding there is one: the first, as everybody in front of us will have read it.
    if (before === undefined) values.set(name, value);
    else if (!SINGLE.has(name)) values.set(name, `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  return Object.fromEntries(values);
}

const SINGLE = new Set(["authorization", "content-length", "content-type", "host", "origin", "referer", "user-agent"]);
