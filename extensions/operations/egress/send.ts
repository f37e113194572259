import type { LookupAddress } from "node:dns";
import { lookup as resolveName } from "node:dns/promises";
import type { Agent, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isPlinthError, PlinthError } from "@plinth/sdk";
import { addressAllowed, hostAllowed } from "./policy.ts";

/** What is fixed for one exchange: who asks, what was granted, the connections kept for it. */
export interface Grant {
  readonly extension: string;
  readonly hosts: readonly string[];
  readonly agents: Map<string, Agent>;
}

export interface Outgoing {
  readonly url: URL;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | undefined;
}

/** Send one request to an address that was checked; resolves with the head. `signal` ends the wait, and the body after it. */
export async function send(grant: Grant, { url, method, headers, body }: Outgoing, signal: AbortSignal): Promise<IncomingMessage> {
  const failed = (why: string, cause?: unknown): PlinthError => unreachable(grant.extension, url, why, cause);
  const addresses = await checkedAddresses(grant, url, signal).catch((thrown: NodeJS.ErrnoException) => {
    throw signal.aborted ? endOf(signal) : isPlinthError(thrown) ? thrown : failed(thrown.code ?? "no address", thrown);
  });
  const http = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  let agent = grant.agents.get(url.protocol);
  if (agent === undefined) grant.agents.set(url.protocol, (agent = new http.Agent({ keepAlive: true, maxFreeSockets: 32 })));
  return new Promise((resolve, reject) => {
    const outgoing = begin();
    outgoing.on("response", resolve);
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(signal.aborted ? endOf(signal) : failed(error.code ?? error.message, error)));
    outgoing.on("close", () => reject(failed("it closed the connection")));
    outgoing.end(body);

    function begin() {
      try {
        return http.request(url, {
          agent,
          method,
          headers: { "accept-encoding": "identity", ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
          signal,
          // The connection goes to an address that was checked, whatever the name says a moment later.
          lookup: (_host, options, done) => {
            const [first] = addresses as [LookupAddress];
            if (options.all) done(null, addresses);
            else done(null, first.address, first.family);
          },
        });
      } catch (thrown) {
        // Its message names a header and never shows what stands in it.
        throw new PlinthError("PLINTH_PAYLOAD", `${grant.extension} made a request that HTTP does not allow: ${(thrown as Error).message}.`, {
          extension: grant.extension,
          cause: thrown,
        });
      }
    }
  });
}

export const unreachable = (extension: string, { host }: URL, why: string, cause?: unknown): PlinthError =>
  new PlinthError("PLINTH_NET", `${host} cannot be reached (${why}).`, { extension, cause, next: "Check the address and the network." });

export const forbidden = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, {
    extension,
    next: "Its manifest must declare the host and an owner must consent.",
  });

/** Why a signal ended the exchange, as an error. */
export const endOf = ({ reason }: AbortSignal): PlinthError =>
  isPlinthError(reason) ? reason : new PlinthError("PLINTH_ABORTED", "The request was cancelled.", { cause: reason });

/** The name's addresses, looked up once; one that is refused refuses them all. */
async function checkedAddresses(grant: Grant, url: URL, signal: AbortSignal): Promise<LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (!hostAllowed(grant.hosts, host, port)) throw forbidden(grant.extension, `connect to ${url.host}`);
  const family = isIP(host);
  const addresses = family > 0 ? [{ address: host, family }] : await untilAborted(resolveName(host, { all: true }), signal);
  const refused = addresses.find(({ address }) => !addressAllowed(grant.hosts, host, address));
  if (refused !== undefined) throw forbidden(grant.extension, `connect to ${url.host}: it is the non-public address ${refused.address}`);
  if (addresses.length === 0) throw unreachable(grant.extension, url, "no address");
  return addresses;
}

/** A lookup cannot be cancelled; its answer is not waited for any longer. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
