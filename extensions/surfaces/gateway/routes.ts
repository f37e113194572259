import type { Capability, Client, Descriptor } from "@plinth/sdk";
import { BODY_BYTES, HEAD_MS, MESSAGE_BYTES, MESSAGES_PER_SECOND, WHOLE_BODY_BYTES } from "./limits.ts";
import { Tally } from "./tally.ts";

type Given = Descriptor<"plinth.http-route">;

export interface Route {
  readonly id: string;
  readonly extension: string;
  readonly methods: readonly string[];
  readonly path: string;
  readonly auth: "token" | "none" | "own";
  readonly body: "text" | "bytes" | "stream";
  readonly bodyLimit: number;
  readonly inflate: number | undefined;
  readonly cors: Given["cors"];
  readonly websocket: { readonly protocols: readonly string[]; readonly maxMessage: number; readonly perSecond: number } | undefined;
  /** Requests by address; undefined without a rate. */
  readonly tally: Tally | undefined;
  readonly timeoutMs: number;
  readonly endless: boolean;
  readonly errors: "problem" | "openai" | "anthropic";
  /** A header that the token may come in as well. */
  readonly key: string | undefined;
  /** Of an extension that runs inside the host anyway: its pages are not sandboxed and cannot be shadowed. */
  readonly trusted: boolean;
  readonly client: Client<"plinth.http-route">;
}

export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** Stands for an upgrade in the table, where methods stand. */
export const WEBSOCKET = "WEBSOCKET";

/**
 * Finds the route of a request. Trusted routes go first: otherwise an installed extension could put an exact path in
 * front of a bundled page's script. Among equals an exact path beats one with names in it and that one the longest prefix,
 * and of two equal paths the lower id wins, so that nothing depends on load order.
 */
export class RouteTable {
  readonly #groups: readonly [RouteGroup, RouteGroup];

  constructor(
    capabilities: readonly Capability<Given>[],
    client: (id: string) => Client<"plinth.http-route">,
    trusted: (extension: string) => boolean,
    now: () => number = Date.now,
  ) {
    this.#groups = [new RouteGroup(), new RouteGroup()];
    for (const capability of [...capabilities].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const route = routeOf(capability, client(capability.id), trusted(capability.extension), now);
      this.#groups[route.trusted ? 0 : 1].add(route);
    }
  }

  /** The route, or the methods that the path takes; empty when there is no such path. */
  match(method: string, path: string): Found | string[] {
    const allow = new Set<string>();
    for (const group of this.#groups) {
      const found = group.match(method, path, allow);
      if (found !== undefined) return found;
    }
    if (allow.has("GET")) allow.add("HEAD");
    allow.delete(WEBSOCKET);
    return [...allow].sort();
  }

  /** Whether a WebSocket could be had at a path. */
  upgrades(path: string): boolean {
    return this.#groups.some((group) => group.match(WEBSOCKET, path, new Set()) !== undefined);
  }
}

function routeOf({ id, extension, descriptor }: Capability<Given>, client: Client<"plinth.http-route">, trusted: boolean, now: () => number): Route {
  const { websocket, rate, body = "text", bodyLimit = BODY_BYTES } = descriptor;
  return {
    id,
    extension,
    methods: descriptor.methods ?? (websocket === undefined ? ["GET"] : []),
    path: descriptor.path,
    auth: descriptor.auth ?? "token",
    body,
    bodyLimit: body === "stream" ? bodyLimit : Math.min(bodyLimit, WHOLE_BODY_BYTES),
    inflate: body === "stream" ? descriptor.inflate : descriptor.inflate && Math.min(descriptor.inflate, WHOLE_BODY_BYTES),
    cors: descriptor.cors,
    websocket: websocket && { protocols: [], maxMessage: MESSAGE_BYTES, perSecond: MESSAGES_PER_SECOND, ...websocket },
    tally: rate === undefined ? undefined : new Tally(rate, now),
    timeoutMs: descriptor.timeoutMs ?? HEAD_MS,
    endless: descriptor.endless === true,
    errors: descriptor.errors ?? "problem",
    key: (descriptor.auth ?? "token") === "token" ? descriptor.key : undefined,
    trusted,
    client,
  };
}

class RouteGroup {
  readonly #exact = new Map<string, Map<string, Route>>();
  /** Of paths with names in them or an open end: the most particular one first. */
  readonly #patterns: { segments: readonly string[]; routes: Map<string, Route> }[] = [];

  add(route: Route): void {
    const routes = /[{*]/.test(route.path) ? this.#pattern(route.path.split("/").slice(1)) : this.#path(route.path);
    const methods = [...route.methods, ...(route.websocket === undefined ? [] : [WEBSOCKET])];
    for (const method of methods) if (!routes.has(method)) routes.set(method, route);
  }

  match(method: string, path: string, allow: Set<string>): Found | undefined {
    const exact = this.#exact.get(path);
    const found = exact && pick(exact, method);
    if (found !== undefined) return { route: found, params: {} };
    for (const name of exact?.keys() ?? []) allow.add(name);
    const segments = path.split("/").slice(1);
    for (const pattern of this.#patterns) {
      const params = fit(pattern.segments, segments);
      if (params === undefined) continue;
      const route = pick(pattern.routes, method);
      if (route !== undefined) return { route, params };
      for (const name of pattern.routes.keys()) allow.add(name);
    }
    return undefined;
  }

  #path(path: string): Map<string, Route> {
    const routes = this.#exact.get(path) ?? new Map<string, Route>();
    this.#exact.set(path, routes);
    return routes;
  }

  #pattern(segments: readonly string[]): Map<string, Route> {
    const known = this.#patterns.find((pattern) => pattern.segments.join("/") === segments.join("/"));
    if (known !== undefined) return known.routes;
    const routes = new Map<string, Route>();
    this.#patterns.push({ segments, routes });
    this.#patterns.sort((a, b) => moreParticular(a.segments, b.segments));
    return routes;
  }
}

/** A route may answer HEAD itself; else GET's does. */
const pick = (routes: ReadonlyMap<string, Route>, method: string): Route | undefined =>
  routes.get(method) ?? (method === "HEAD" ? routes.get("GET") : undefined);

/** What stands for the names, or undefined where the path is another one. */
function fit(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const open = pattern.at(-1) === "*";
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return undefined;
  const params: [string, string][] = [];
  for (const [at, wanted] of pattern.entries()) {
    const segment = segments[at] as string;
    if (wanted.startsWith("{")) {
      if (segment === "") return undefined;
      params.push([wanted.slice(1, -1), segment]);
    } else if (wanted !== segment && !(open && at === pattern.length - 1)) return undefined;
  }
  return Object.fromEntries(params);
}

function moreParticular(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const rank = rankOf(a[at] as string) - rankOf(b[at] as string);
    if (rank !== 0) return rank;
    if (a[at] !== b[at]) return (a[at] as string) < (b[at] as string) ? -1 : 1;
  }
  return b.length - a.length;
}

const rankOf = (segment: string): number => (segment === "*" ? 2 : segment.startsWith("{") ? 1 : 0);
