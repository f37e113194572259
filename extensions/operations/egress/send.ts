import type { Agent, IncomingMessage } from "node:http";
import { type Asker, endOf, malformed, pinnedLookup, unreachable } from "./address.ts";

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

/** Send one request to an address that was checked; resolves with the head. `signal` ends the wait, and the body after it. */
export async function send(grant: Grant, { url, method, headers, body }: Outgoing, signal: AbortSignal): Promise<IncomingMessage> {
  const failed = (why: string, cause?: unknown) => unreachable(grant.extension, url, why, cause);
  const lookup = await pinnedLookup(grant, url, signal);
  const http = await (url.protocol === "https:" ? (modules.https ??= import("node:https")) : (modules.http ??= import("node:http")));
  let agent = grant.agents.get(url.protocol);
  if (agent === undefined) grant.agents.set(url.protocol, (agent = new http.Agent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS })));
  const all = { "accept-encoding": "identity", ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) };
  return new Promise((resolve, reject) => {
    const outgoing = begin();
    let answered = false;
    outgoing.on("response", (response) => {
      answered = true;
      resolve(response);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(signal.aborted ? endOf(signal) : failed(error.code ?? error.message, error)));
    outgoing.on("close", () => {
      if (!answered) reject(failed("it closed the connection"));
    });
    outgoing.end(body);

    function begin() {
      try {
        return http.request(url, { agent, method, headers: all, signal, lookup });
      } catch (thrown) {
        throw malformed(grant.extension, thrown);
      }
    }
  });
}
