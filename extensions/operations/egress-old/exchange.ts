import { lookup as resolveName } from "node:dns/promises";
import type { Agent, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { PlinthError, type Provider } from "@plinth/sdk";
import { addressAllowed, hostAllowed } from "./policy.ts";

const MAX_REDIRECTS = 5;
const DEFAULT_TIMEOUT_MS = 30_000;
const IDLE_MS = 120_000;
const DEFAULT_MAX_BYTES = 64 * 1_048_576;

export type Request = Parameters<Provider<"plinth.egress">["exchange"]>[0];
type Head = { status: number; headers: Record<string, string> };

/** What is fixed for one exchange: who asks, what was granted, the connections kept for it. */
export interface Grant {
  readonly extension: string;
  readonly hosts: readonly string[];
  readonly agents: Map<string, Agent>;
}

/**
 * One HTTP exchange on behalf of an extension: the name is resolved once, every address is checked, the connection goes
 * to the checked address, redirects are checked again, and the body is bounded in size and idle time.
 */
export async function* exchange(grant: Grant, request: Request, signal?: AbortSignal): AsyncGenerator<Head | Uint8Array> {
  let url = parseUrl(grant.extension, request.url);
  let method = (request.method ?? "GET").toUpperCase();
  let body = request.body === undefined ? undefined : request.base64 ? Buffer.from(request.body, "base64") : Buffer.from(request.body);
  let headers = normalise(request.headers ?? {});
  for (let hop = 0; ; hop++) {
    const response = await send(grant, url, method, headers, body, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
      response.destroy();
      if (hop === MAX_REDIRECTS) throw new PlinthError("PLINTH_NET", `${url.host} redirects too often.`, { extension: grant.extension });
      const target = parseUrl(grant.extension, new URL(location, url).href);
      // Credentials belong to the origin that they were sent to.
      if (target.origin !== url.origin)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie|x-api-key)$/.test(name)));
      if (status === 303 || ((status === 301 || status === 302) && method === "POST")) {
        method = "GET";
        body = undefined;
      }
      url = target;
      continue;
    }
    yield { status, headers: flatten(response) };
    yield* readBody(grant.extension, url, response, request.maxBytes ?? DEFAULT_MAX_BYTES);
    return;
  }
}

function parseUrl(extension: string, text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw forbidden(extension, `fetch ${JSON.stringify(text.slice(0, 200))}: it is not an absolute URL`);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw forbidden(extension, `use ${url.protocol} URLs`);
  if (url.username !== "" || url.password !== "") throw forbidden(extension, "put credentials into a URL");
  return url;
}

const normalise = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));

const flatten = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]])),
  );

async function checkedAddress(grant: Grant, url: URL): Promise<{ address: string; family: number }> {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (!hostAllowed(grant.hosts, host, port)) throw forbidden(grant.extension, `connect to ${url.host}`);
  const addresses = isIP(host) > 0 ? [{ address: host, family: isIP(host) }] : await resolveName(host, { all: true });
  const refused = addresses.find(({ address }) => !addressAllowed(grant.hosts, host, address));
  if (refused !== undefined) throw forbidden(grant.extension, `connect to ${url.host}: it is the non-public address ${refused.address}`);
  const [first] = addresses;
  if (first === undefined) throw new PlinthError("PLINTH_NET", `${host} has no address.`, { extension: grant.extension });
  return first;
}

async function send(
  grant: Grant,
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Buffer | undefined,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const failed = (why: string, cause?: unknown): PlinthError =>
    new PlinthError("PLINTH_NET", `${url.host} cannot be reached (${why}).`, {
      extension: grant.extension,
      cause,
      next: "Check the address and the network.",
    });
  let address: { address: string; family: number };
  try {
    address = await checkedAddress(grant, url);
  } catch (thrown) {
    throw thrown instanceof PlinthError ? thrown : failed((thrown as NodeJS.ErrnoException).code ?? "no address", thrown);
  }
  const ready: Record<string, string> = { "accept-encoding": "identity" };
  Object.assign(ready, headers);
  if (body !== undefined) ready["content-length"] = String(body.length);
  const http = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  let agent = grant.agents.get(url.protocol);
  if (agent === undefined) grant.agents.set(url.protocol, (agent = new http.Agent({ keepAlive: true, maxFreeSockets: 32 })));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(failed(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const outgoing = http.request(url, {
      agent,
      method,
      headers: ready,
      signal,
      // The connection goes to the address that was checked, whatever the name says a moment later.
      lookup: (_host, options, done) =>
        options.all
          ? done(null, [address] as never)
          : (done as (error: null, address: string, family: number) => void)(null, address.address, address.family),
    });
    outgoing.on("response", (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (signal?.aborted)
        reject(signal.reason instanceof PlinthError ? signal.reason : new PlinthError("PLINTH_ABORTED", "The request was cancelled."));
      else reject(error instanceof PlinthError ? error : failed(error.code ?? error.message, error));
    });
    outgoing.end(body);
  });
}

async function* readBody(extension: string, url: URL, response: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  response.setTimeout(IDLE_MS, () => response.destroy(new Error(`silent for ${IDLE_MS / 1000} s`)));
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(extension, `a response of ${url.host} is larger than ${maxBytes} bytes`);
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof PlinthError) throw thrown;
    throw new PlinthError("PLINTH_NET", `${url.host} broke off its answer (${(thrown as Error).message}).`, { extension, cause: thrown });
  } finally {
    response.destroy();
  }
}

const forbidden = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, {
    extension,
    next: "Its manifest must declare the host and an owner must consent.",
  });

const tooLarge = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${extension} used up its budget: ${what}.`, { extension, next: "Ask for less, or raise maxBytes." });
