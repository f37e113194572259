import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import { PlinthError } from "@plinth/sdk";
import { endOf } from "./address.ts";
import type { Upstream } from "./upstream.ts";

const LIMIT_MS = 30_000;

export interface Through {
  readonly extension: string;
  readonly upstream: Upstream;
  /** For TLS with the proxy itself. */
  readonly secureContext: SecureContext | undefined;
}

/** How the proxy itself is connected to, whatever is asked of it. */
const proxyOptions = ({ upstream, secureContext }: Through): RequestOptions & { secureContext?: SecureContext } => ({
  host: upstream.host,
  port: upstream.port,
  // Its certificate names the proxy itself, and not the host that the request is for.
  ...(upstream.secure ? { servername: isIP(upstream.host) === 0 ? upstream.host : "" } : {}),
  ...(upstream.secure && secureContext !== undefined ? { secureContext } : {}),
});

const proxyHeaders = ({ authorization }: Upstream): Record<string, string> =>
  authorization === undefined ? {} : { "proxy-authorization": authorization };

/** A connection to a host that the proxy looks up and connects to (RFC 9110, 9.3.6). @throws PLINTH_PROXY, PLINTH_NET */
export async function openTunnel(through: Through, host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  const { upstream } = through;
  const http = await (upstream.secure ? import("node:https") : import("node:http"));
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const headers = { host: authority, ...proxyHeaders(upstream) };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(endOf(signal));
    const request = http.request({ ...proxyOptions(through), method: "CONNECT", path: authority, headers, agent: false });
    const stop = (): void => void request.destroy();
    const late = setTimeout(() => request.destroy(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
    signal?.addEventListener("abort", stop, { once: true });
    const settle = (then: () => void): void => {
      clearTimeout(late);
      signal?.removeEventListener("abort", stop);
      then();
    };
    request.once("connect", (answer: IncomingMessage, socket: Socket, head: Buffer) =>
      settle(() => {
        // Whoever takes it over listens himself, a moment later.
        socket.on("error", () => {});
        if (answer.statusCode === 200) {
          if (head.length > 0) socket.unshift(head);
          return resolve(socket);
        }
        socket.destroy();
        reject(refusedBy(through, host, answer));
      }),
    );
    request.on("error", (error: NodeJS.ErrnoException) =>
      settle(() => reject(signal?.aborted ? endOf(signal) : unreachableProxy(through, host, error.code ?? error.message, error))),
    );
    request.on("close", () => settle(() => reject(signal?.aborted ? endOf(signal) : unreachableProxy(through, host, "it closed the connection"))));
    request.end();
  });
}

/** Among a request's options: how long its tunnel is waited for. An agent is not told of a request's own signal. */
export interface Until {
  readonly until?: AbortSignal;
}

/** An agent of Node's that reaches every host through the proxy; it keeps tunnels for a next request as it keeps connections. */
export function tunnelling(agent: Agent, through: Through): Agent {
  // For https this is what begins TLS, on the socket that it is given.
  const direct = agent.createConnection.bind(agent);
  const isSecure = (agent as Agent & { protocol?: string }).protocol === "https:";
  agent.createConnection = (options, done): undefined => {
    const { host = "", port = 0, until } = options as { host?: string; port?: number } & Until;
    openTunnel(through, String(host), Number(port), until).then(
      (socket) => done?.(null, isSecure ? (direct({ ...options, socket } as typeof options) as Duplex) : socket),
      (thrown: Error) => done?.(thrown, undefined as unknown as Duplex),
    );
  };
  return agent;
}

/** A plain request as a proxy wants it: with the whole address (RFC 9112, 3.2.2). What it answers is the server's answer, as far as can be told. */
export function forwarded(through: Through, url: URL) {
  return {
    options: { ...proxyOptions(through), path: `${url.origin}${url.pathname}${url.search}` },
    headers: { host: url.host, ...proxyHeaders(through.upstream) },
    failed: (why: string, cause?: unknown) => unreachableProxy(through, url.hostname, why, cause),
    refused: (answer: IncomingMessage) => (isOwnAnswer(answer) ? refusedBy(through, url.hostname, answer) : undefined),
  };
}

/** 407 is a proxy's own; any other failure is only where it says so: with Proxy-Status (RFC 9209), or as Squid does. */
const isOwnAnswer = ({ statusCode = 0, headers }: IncomingMessage): boolean =>
  statusCode === 407 ||
  (statusCode >= 400 && (/;\s*error\s*=/.test(String(headers["proxy-status"] ?? "")) || headers["x-squid-error"] !== undefined));

/** Why it did not go through, by the status of the proxy's own answer: what stays the same when it is asked again is PLINTH_PROXY. */
export function refusedBy({ extension, upstream }: Through, host: string, { statusCode = 0, headers }: IncomingMessage): PlinthError {
  const { name, from, authorization } = upstream;
  if (statusCode !== 407) {
    return new PlinthError(statusCode >= 500 ? "PLINTH_NET" : "PLINTH_PROXY", `The proxy ${name} does not go to ${host} (${statusCode}).`, {
      extension,
      next: `Ask who runs the proxy whether it may reach ${host}, or name the host in NO_PROXY where it is reached directly.`,
    });
  }
  const schemes = [headers["proxy-authenticate"] ?? []].flat().join(", ");
  const why = authorization === undefined ? "wants a user and a password" : "does not accept the user and the password that it was sent";
  const isBasic = schemes === "" || /\bbasic\b/i.test(schemes);
  return new PlinthError("PLINTH_PROXY", `The proxy ${name} ${why} (407).`, {
    extension,
    next: isBasic
      ? `Put them into the variable HTTPS_PROXY or HTTP_PROXY, as in http://user:password@${upstream.host}:${upstream.port} (it is named by ${from}).`
      : `It asks for ${/^[\w-]{1,30}/.exec(schemes)?.[0]}, and only Basic is spoken here: ask who runs it, or put a local proxy that speaks it in between.`,
  });
}

export const unreachableProxy = ({ extension, upstream: { name, from } }: Through, host: string, why: string, cause?: unknown): PlinthError =>
  new PlinthError("PLINTH_NET", `The proxy ${name} cannot be reached (${why}), and so ${host} cannot be.`, {
    extension,
    cause,
    next: `Check ${from}, or name hosts that are reached directly in NO_PROXY.`,
  });
