import type { IncomingMessage, ServerResponse } from "node:http";
import { refuse } from "./problem.ts";

export interface Target {
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: Record<string, string>;
}

const HIDDEN = new Set(["authorization", "cookie", "proxy-authorization"]);

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
  return { path, query: mark === -1 ? {} : parseQuery(url.slice(mark + 1)) };
}

function isPlain(path: string): boolean {
  for (let index = 0; index < path.length; index += 1) {
    const code = path.charCodeAt(index);
    if (code < 32 || code === 127 || code === 92) return false;
  }
  return !path.includes("//") && !/\/\.{1,2}(\/|$)/.test(path);
}

function parseQuery(text: string): Record<string, string> {
  // Own properties by definition, not by assignment: a parameter may be called __proto__.
  return Object.fromEntries([...new URLSearchParams(text)].slice(0, 256).reverse());
}

/** Headers as a route sees them: lower case, one string each, credentials removed. */
export function plainHeaders(request: IncomingMessage): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || HIDDEN.has(name)) continue;
    entries.push([name, Array.isArray(value) ? value.join(", ") : value]);
  }
  return Object.fromEntries(entries);
}

/** The body as UTF-8 text, never more than `limit` bytes. */
export async function readBody(request: IncomingMessage, response: ServerResponse, limit: number): Promise<string> {
  const length = request.headers["content-length"];
  if (length === undefined && request.headers["transfer-encoding"] === undefined) return "";
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") throw refuse.media();
  if (length !== undefined && Number(length) > limit) throw refuse.tooLarge(limit);
  if (request.headers.expect !== undefined) response.writeContinue();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw refuse.tooLarge(limit);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  } catch {
    throw refuse.media();
  }
}

/**
 * Let go of a body that nobody will read. A client that is still sending must be read from for a while, or its kernel
 * throws our answer away; one that sends on and on is cut.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > 4 * 1024 * 1024) request.socket.destroy();
  });
  request.on("error", () => {});
  request.resume();
}
