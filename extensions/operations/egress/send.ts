import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { isPlinthError } from "@plinth/sdk";
import { type Asker, endOf, malformed, unreachable, type Way, wayTo } from "./address.ts";
import type { Until } from "./through.ts";

/** What is fixed for one exchange: who asks, what was granted, the connections kept for it. */
export interface Grant extends Asker {
  readonly agents: Map<string, Agent>;
}

/** Of one extension, for one scheme, and how long. */
const MAX_IDLE = 8;
const IDLE_MS = 60_000;

/** Loaded with the first request. */
const modules: { http?: Promise<typeof import("node:http")>; https?: Promise<typeof import("node:https")> } = {};

export interface Outgoing {
  readonly url: URL;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | undefined;
}

/** Send one request to an address that was checked, or through a proxy; resolves with the head. `signal` ends the wait, and the body after it. */
export async function send(grant: Grant, outgoing: Outgoing, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, method, headers, body } = outgoing;
  const way = await wayTo(grant, url, signal);
  const road = await roadOf(grant, url, way, signal);
  const { http, agent, options } = road;
  const all = {
    "accept-encoding": "identity",
    ...headers,
    ...road.headers,
    ...(body === undefined ? {} : { "content-length": String(body.length) }),
  };
  const failed = (why: string, cause?: unknown) => road.failed?.(why, cause) ?? unreachable(grant.extension, url, why, cause);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = begin();
    let answered = false;
    request.on("response", (response) => {
      answered = true;
      resolve(response);
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      reject(signal.aborted ? endOf(signal) : isPlinthError(error) ? error : failed(error.code ?? error.message, error)),
    );
    request.on("close", () => {
      if (!answered) reject(failed("it closed the connection"));
    });
    request.end(body);

    function begin() {
      try {
        return http.request({ ...options, agent, method, headers: all, signal });
      } catch (thrown) {
        throw malformed(grant.extension, thrown);
      }
    }
  });
  const refused = road.refused?.(response);
  if (refused === undefined) return response;
  response.destroy();
  throw refused;
}

/** By what a request goes, with the agent that keeps its connections. */
interface Road {
  readonly http: typeof import("node:http") | typeof import("node:https");
  readonly agent: Agent;
  readonly options: RequestOptions & Until;
  /** What the proxy wants to know. */
  readonly headers?: Record<string, string>;
  /** The words for what the proxy itself did, where it can be told from what the server did. */
  readonly failed?: (why: string, cause?: unknown) => Error;
  readonly refused?: (answer: IncomingMessage) => Error | undefined;
}

async function roadOf(grant: Grant, url: URL, { upstream, ...direct }: Way, until: AbortSignal): Promise<Road> {
  const secure = url.protocol === "https:";
  const secureContext = secure || upstream?.secure ? await grant.network.authorities.context() : undefined;
  const keep = { keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS, ...(secureContext === undefined ? {} : { secureContext }) };
  const http = await protocolModule(secure);
  if (upstream === undefined)
    return { http, agent: agentOf(grant, url.protocol, () => new http.Agent(keep)), options: { ...urlOptions(url), ...direct } };
  const { forwarded, tunnelling } = await import("./through.ts");
  const through = { extension: grant.extension, upstream, secureContext };
  const key = `${url.protocol} ${upstream.name}`;
  if (secure) return { http, agent: agentOf(grant, key, () => tunnelling(new http.Agent(keep), through)), options: { ...urlOptions(url), until } };
  const own = await protocolModule(upstream.secure);
  return { http: own, agent: agentOf(grant, key, () => new own.Agent(keep)), ...forwarded(through, url) };
}

const protocolModule = (secure: boolean) => (secure ? (modules.https ??= import("node:https")) : (modules.http ??= import("node:http")));

function agentOf({ agents }: Grant, key: string, make: () => Agent): Agent {
  let agent = agents.get(key);
  if (agent === undefined) agents.set(key, (agent = make()));
  return agent;
}

const urlOptions = ({ protocol, hostname, port, pathname, search }: URL): RequestOptions => ({
  protocol,
  host: hostname.replace(/^\[|\]$/g, ""),
  port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  path: `${pathname}${search}`,
});
