import { BlockList, isIP } from "node:net";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { RegistryFetch } from "./registry-fetch.ts";
import { collect } from "./strangers/shared-bytes.ts";

/** Where something comes from, as an owner has configured it. */
export interface Place {
  /** Begins a sentence: `The registry sample`. */
  readonly who: string;
  /** An http(s) URL; its origin (scheme, host and port) is the place. */
  readonly url: string;
  /** Other origins that an owner named for what lies elsewhere, such as a store of archives. */
  readonly also?: readonly string[] | undefined;
  readonly fetch: RegistryFetch;
}

interface Request {
  headers?: Record<string, string>;
  /** Headers that hold a secret: they are sent to the place itself, and to no other origin. */
  secret?: Record<string, string>;
  maxBytes: number;
  /** Longest time to the head of an answer, in milliseconds. */
  headMs?: number;
  signal?: AbortSignal;
}

type Answer = Awaited<ReturnType<RegistryFetch>>;

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const HEAD_MS = 15_000;

/**
 * One request that stays where the configuration says. A redirect is followed to the same origin, or to one that an owner
 * named beside it; never to another port of this machine nor into a private network, unless the place itself lies there.
 *
 * @throws PLINTH_REDIRECT, and those of `fetch`.
 */
export async function fetchFrom(place: Place, url: string, request: Request): Promise<Answer> {
  const { headers = {}, secret = {}, maxBytes, headMs: timeoutMs = HEAD_MS, signal } = request;
  let target = checked(place, url, place.url);
  for (let hop = 0; ; hop++) {
    const all = target.origin === originOf(place.url) ? { ...headers, ...secret } : headers;
    const answer = await place.fetch(target.href, {
      headers: all,
      redirect: "manual",
      timeoutMs,
      maxBytes,
      ...(signal === undefined ? {} : { signal }),
    });
    if (!REDIRECTS.has(answer.status)) return answer;
    await leave(answer.body);
    const { location } = answer.headers;
    if (location === undefined) return answer;
    if (hop === MAX_REDIRECTS) throw refused(place, "redirects too often", undefined);
    target = checked(place, location, target.href);
  }
}

/** The same, with the whole body in memory that the thread for strangers' data shares. `tooLarge` is thrown as soon as it is. */
export async function readFrom(place: Place, url: string, request: Request, tooLarge: () => PlinthError): Promise<{ answer: Answer; bytes: Buffer }> {
  const answer = await fetchFrom(place, url, request);
  if (answer.status !== 200) {
    await leave(answer.body);
    return { answer, bytes: Buffer.alloc(0) };
  }
  const declared = Number(answer.headers["content-length"] ?? 0);
  if (declared > request.maxBytes) {
    await leave(answer.body);
    throw tooLarge();
  }
  const bytes = await collect(answer.body, request.maxBytes, tooLarge, { expected: declared || undefined }).catch((thrown: unknown) => {
    // The road itself has the same bound, and may be the first to say so.
    throw (thrown as { code?: unknown }).code === "PLINTH_QUOTA" ? tooLarge() : thrown;
  });
  return { answer, bytes };
}

function checked(place: Place, location: string, from: string): URL {
  const target = URL.parse(location, from);
  if (target === null) throw refused(place, "sends us to what is no address", undefined);
  if (!["http:", "https:"].includes(target.protocol)) throw refused(place, `sends us to a ${target.protocol} address`, undefined);
  if (target.username !== "" || target.password !== "") throw refused(place, "sends us on with a user's name in the address", undefined);
  const home = new URL(place.url);
  if (target.origin === home.origin) return target;
  const isNamed = (place.also ?? []).some((one) => originOf(one) === target.origin);
  if (isNamed && (!isNearby(target.hostname) || isNearby(home.hostname))) return target;
  throw refused(place, `sends us to ${target.origin}, which is another place than ${home.origin}`, target);
}

const nearby = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  nearby.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  nearby.addSubnet(net, bits, "ipv6");

/** Whether a host, as a URL has it, is this machine or of a network that is not public. Names are looked up and checked by the egress. */
export function isNearby(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const family = isIP(host);
  if (family === 0) return host === "localhost" || host.endsWith(".localhost");
  return nearby.check(host, family === 4 ? "ipv4" : "ipv6");
}

function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin;
}

/** An answer that nobody reads keeps its connection, and whoever waits for that. It may never begin: it is not waited for. */
async function leave(body: AsyncIterable<Uint8Array>): Promise<void> {
  await body[Symbol.asyncIterator]?.().return?.();
}

function refused({ who }: Place, why: string, target: URL | undefined): PlinthError {
  return new PlinthError("PLINTH_REDIRECT", `${who} ${why}.`, {
    next:
      target === undefined
        ? "Tell who runs it."
        : `Ask who runs it. If that is where its files lie, name ${target.origin} in "downloads" of its configuration.`,
  });
}
