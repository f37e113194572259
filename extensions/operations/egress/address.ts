import type { LookupAddress } from "node:dns";
import { lookup as resolveName } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { isPlinthError, PlinthError, type Target, targetOf } from "@plinth/sdk";
import type { Authorities } from "./authorities.ts";
import { addressAllowed, hostAllowed } from "./policy.ts";
import type { Upstream, Upstreams } from "./upstream.ts";

/** What lies between this machine and all others: the proxies of its network, and whom TLS trusts. */
export interface Network {
  readonly upstreams: Upstreams;
  readonly authorities: Authorities;
}

export interface Asker {
  readonly extension: string;
  /** The granted patterns. */
  readonly hosts: readonly string[];
  /** Patterns too: only what both admit. */
  readonly only?: readonly string[] | undefined;
  readonly network: Network;
}

/** To a checked address, or through a proxy, which looks the name up itself. */
export type Way = { readonly lookup: LookupFunction; readonly upstream?: undefined } | { readonly upstream: Upstream };

/** Whether what was granted admits a target by name. */
export const reaches = ({ hosts, only = hosts }: Asker, target: Target): boolean => hostAllowed(hosts, target) && hostAllowed(only, target);

/**
 * How an address is reached. Directly: its name is looked up once and where it leads is checked; the connection then goes there,
 * whatever the name says a moment later. Through a proxy only the name, or the literal address, can be checked.
 */
export async function wayTo(asker: Asker, url: URL, signal: AbortSignal): Promise<Way> {
  const { extension, hosts, network } = asker;
  const target = targetOf(url);
  if (!reaches(asker, target)) throw forbidden(extension, `connect to ${target.scheme}://${url.host}`);
  const upstream = network.upstreams.for(url);
  if (upstream === undefined) return { lookup: await pinnedLookup(asker, url, signal) };
  if (isIP(target.host) > 0 && !addressAllowed(hosts, target, target.host)) throw nonPublic(extension, url, target.host);
  return { upstream };
}

async function pinnedLookup(asker: Asker, url: URL, signal: AbortSignal): Promise<LookupFunction> {
  const addresses = await checkedAddresses(asker, url, signal).catch((thrown: NodeJS.ErrnoException) => {
    throw signal.aborted ? endOf(signal) : isPlinthError(thrown) ? thrown : unreachable(asker.extension, url, thrown.code ?? "no address", thrown);
  });
  return (_host, options, done) => {
    const [first] = addresses as [LookupAddress];
    if (options.all) done(null, addresses);
    else done(null, first.address, first.family);
  };
}

/** One that is refused refuses them all. */
async function checkedAddresses(asker: Asker, url: URL, signal: AbortSignal): Promise<LookupAddress[]> {
  const { extension, hosts } = asker;
  const target = targetOf(url);
  const family = isIP(target.host);
  const addresses = family > 0 ? [{ address: target.host, family }] : await untilAborted(resolveName(target.host, { all: true }), signal);
  const refused = addresses.find(({ address }) => !addressAllowed(hosts, target, address));
  if (refused !== undefined) throw nonPublic(extension, url, refused.address);
  if (addresses.length === 0) throw unreachable(extension, url, "no address");
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

/** An address of one of these schemes, without credentials in it. */
export function parseUrl(extension: string, text: string, schemes: readonly string[], base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw forbidden(extension, `connect to ${JSON.stringify(text.slice(0, 200))}: it is not an absolute URL`);
  if (!schemes.includes(url.protocol)) throw forbidden(extension, `use ${url.protocol} URLs here`);
  if (url.username !== "" || url.password !== "") throw forbidden(extension, "put credentials into a URL");
  return url;
}

/** What is said by TLS of a server whose certificate nobody vouches for that is trusted here. */
const UNTRUSTED = /^(UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|(DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED)_CERT(_IN_CHAIN)?)$/;

export const unreachable = (extension: string, { host }: URL, why: string, cause?: unknown): PlinthError =>
  new PlinthError("PLINTH_NET", `${host} cannot be reached (${why}).`, { extension, cause, next: nextAfter(why) });

export const nextAfter = (why: string): string =>
  UNTRUSTED.test(why)
    ? "If a certificate authority of your network vouches for it, name its file under authorities of plinth.egress, or in NODE_EXTRA_CA_CERTS."
    : "Check the address and the network.";

const nonPublic = (extension: string, { host }: URL, address: string): PlinthError =>
  forbidden(extension, `connect to ${host}: it is the non-public address ${address}`);

export const forbidden = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, {
    extension,
    next: `plinth plugins inspect ${extension} shows the hosts that it may reach. Its author asks for more under permissions.net in plinth.json; an owner then consents.`,
  });

/** What HTTP itself does not allow. Its message names a header and never shows what stands in it. */
export const malformed = (extension: string, thrown: unknown): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `${extension} made a request that HTTP does not allow: ${(thrown as Error).message}.`, {
    extension,
    cause: thrown,
    next: "Report it to the author of the extension.",
  });

export const overBudget = (extension: string, what: string, next: string): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${extension} used up its budget: ${what}.`, { extension, next });

/** Why a signal ended the exchange, as an error. */
export const endOf = ({ reason }: AbortSignal): PlinthError =>
  isPlinthError(reason) ? reason : new PlinthError("PLINTH_ABORTED", "The request was cancelled.", { cause: reason });
