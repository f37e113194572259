import type { Capability, Client, Descriptor } from "@plinth/sdk";
import { BODY_BYTES } from "./limits.ts";

export interface Route {
  readonly id: string;
  readonly extension: string;
  readonly method: string;
  readonly path: string;
  readonly auth: "token" | "none";
  readonly bodyLimit: number;
  /** Of an extension that runs inside the host anyway: its pages are not sandboxed and cannot be shadowed. */
  readonly trusted: boolean;
  readonly client: Client<"plinth.http-route">;
}

type RouteCapability = Capability<Descriptor<"plinth.http-route">>;

/**
 * Finds the route of a request. Trusted routes go first: otherwise an installed extension could put an exact path in
 * front of a bundled page's script. Among equals an exact path beats the longest prefix, and of two equal paths the
 * lower id wins, so that nothing depends on load order.
 */
export class RouteTable {
  readonly #groups: readonly [RouteGroup, RouteGroup];

  constructor(
    capabilities: readonly RouteCapability[],
    client: (id: string) => Client<"plinth.http-route">,
    trusted: (extension: string) => boolean,
  ) {
    this.#groups = [new RouteGroup(), new RouteGroup()];
    for (const { id, extension, descriptor } of [...capabilities].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const route: Route = {
        id,
        extension,
        method: descriptor.method,
        path: descriptor.path,
        auth: descriptor.auth ?? "token",
        bodyLimit: descriptor.bodyLimit ?? BODY_BYTES,
        trusted: trusted(extension),
        client: client(id),
      };
      this.#groups[route.trusted ? 0 : 1].add(route);
    }
  }

  /** The route, or the methods that the path takes; empty when there is no such path. */
  match(method: string, path: string): Route | string[] {
    const wanted = method === "HEAD" ? "GET" : method;
    const allow = new Set<string>();
    for (const group of this.#groups) {
      const found = group.match(wanted, path, allow);
      if (found !== undefined) return found;
    }
    if (allow.has("GET")) allow.add("HEAD");
    return [...allow].sort();
  }
}

class RouteGroup {
  readonly #exact = new Map<string, Map<string, Route>>();
  readonly #prefixes: { prefix: string; routes: Map<string, Route> }[] = [];

  add(route: Route): void {
    const routes = route.path.endsWith("/*") ? this.#prefix(route.path.slice(0, -1)) : this.#path(route.path);
    if (!routes.has(route.method)) routes.set(route.method, route);
  }

  match(method: string, path: string, allow: Set<string>): Route | undefined {
    const exact = this.#exact.get(path);
    const found = exact?.get(method);
    if (found !== undefined) return found;
    for (const name of exact?.keys() ?? []) allow.add(name);
    for (const { prefix, routes } of this.#prefixes) {
      if (!path.startsWith(prefix)) continue;
      const route = routes.get(method);
      if (route !== undefined) return route;
      for (const name of routes.keys()) allow.add(name);
    }
    return undefined;
  }

  #path(path: string): Map<string, Route> {
    const routes = this.#exact.get(path) ?? new Map<string, Route>();
    this.#exact.set(path, routes);
    return routes;
  }

  #prefix(prefix: string): Map<string, Route> {
    const known = this.#prefixes.find((entry) => entry.prefix === prefix);
    if (known !== undefined) return known.routes;
    const routes = new Map<string, Route>();
    this.#prefixes.push({ prefix, routes });
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
    return routes;
  }
}
