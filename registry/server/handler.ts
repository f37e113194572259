import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api } from "./api.ts";
import { audited } from "./audited.ts";
import type { Authentication } from "./authentication.ts";
import { assertScope, authorize, RULES } from "./authorize.ts";
import type { Bodies } from "./body.ts";
import { clientAddress } from "./client-address.ts";
import { problemOf, refuse } from "./problem.ts";
import { Limited, type Policy, type RateLimits, rateLimitHeaders } from "./rate-limits.ts";
import type { Reads } from "./reads.ts";
import type { Call, Route } from "./route.ts";
import type { Match, Router } from "./router.ts";
import { READ_HEADERS } from "./static-files.ts";

export interface HandlerOptions {
  api: Api;
  router: Router;
  reads: Reads;
  limits: RateLimits;
  authentication: Authentication;
  bodies: Bodies;
  proxies: number;
  failed(error: unknown): void;
}

const MAX_URL = 2_048;
const PREFLIGHT = {
  ...READ_HEADERS,
  "Access-Control-Allow-Methods": "GET, HEAD",
  "Access-Control-Allow-Headers": "If-None-Match",
  "Access-Control-Max-Age": "86400",
};

/** Takes each request: the quota first, then files and pages, or the API. */
export class Handler {
  readonly #options: HandlerOptions;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#answer(request, response)?.catch((error: unknown) => this.#refuse(request, response, error));
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  /** Nothing is awaited for a document at hand: that is what most requests are for. */
  #answer(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const { reads, proxies } = this.#options;
    const { url = "/", method = "GET" } = request;
    if (url.length > MAX_URL || !url.startsWith("/")) throw refuse.badRequest("its address is too long or not a path");
    const mark = url.indexOf("?");
    const path = mark === -1 ? url : url.slice(0, mark);
    const query = mark === -1 ? "" : url.slice(mark + 1);
    const address = clientAddress(request, proxies);
    if (path.startsWith("/api/")) return this.#api(request, response, path, query, address);
    if (method === "OPTIONS") return void response.writeHead(204, PREFLIGHT).end();
    if (method !== "GET" && method !== "HEAD") throw refuse.method("GET, HEAD");
    const quota = this.#count(response, query === "" ? "read" : "search", address, false);
    if (reads.serveFresh(request, response, path, quota)) return undefined;
    announce(response, quota);
    return reads.serve(request, response, path, query);
  }

  async #api(request: IncomingMessage, response: ServerResponse, path: string, query: string, address: string): Promise<void> {
    const { api, router, authentication, bodies } = this.#options;
    const method = request.method ?? "GET";
    if (method === "OPTIONS") return void response.writeHead(204, PREFLIGHT).end();
    const match = router.find(method === "HEAD" ? "GET" : method, path);
    const { route } = match;
    const { token } = RULES[route.action];
    // Whoever does not get past here has taken nothing from what others at the address may ask.
    const found = token === "none" ? undefined : await authentication.subjectOf(request, address, token === "optional");
    announce(response, this.#count(response, route.policy, found?.lineage.at(-1) ?? address, found !== undefined));
    const call = { subject: found, address, body: {}, ...checkHead(match, request, query) } as Call<any, any, any, any>;
    call.permit = () => permit(api, route, call);
    const answer = await audited(api, route, call, async () => {
      assertScope(found, route.action);
      // A tarball is not taken from whoever may not send it.
      if (route.body === "tarball") await call.permit();
      // Everything that the head tells is settled; now the body may cost something.
      return bodies.with(request, route.body, async (body) => {
        call.body = route.body === "tarball" ? body : match.check("body", body);
        await call.permit();
        return route.handle(call);
      });
    });
    const bytes = Buffer.from(JSON.stringify(answer));
    const open = token === "none" && route.method === "GET" ? READ_HEADERS : {};
    response
      .writeHead(route.status ?? 200, { ...open, "Content-Type": "application/json", "Content-Length": bytes.length, "Cache-Control": "no-store" })
      .end(method === "HEAD" ? undefined : bytes);
  }

  /** Take one from the client's quota; gives the headers that say what is left of it. */
  #count(response: ServerResponse, policy: Policy, client: string, byToken: boolean): readonly string[] {
    const verdict = this.#options.limits.take(policy, client, byToken);
    const headers = rateLimitHeaders(policy, verdict);
    if (verdict.allowed) return headers;
    announce(response, headers);
    throw new Limited(policy, verdict.reset);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const error = thrown instanceof Limited ? refuse.rateLimited(thrown.seconds, thrown.policy) : thrown;
    const problem = problemOf(error);
    if (problem.status === 500) this.#options.failed(error);
    if (response.headersSent) return void response.destroy();
    if (thrown instanceof Limited) response.setHeader("Retry-After", String(thrown.seconds));
    else if (problem.status === 503) response.setHeader("Retry-After", "5");
    if (problem.status === 401) response.setHeader("WWW-Authenticate", 'Bearer realm="registry"');
    const allow = (problem.details as { allow?: string } | undefined)?.allow;
    if (problem.status === 405 && allow !== undefined) response.setHeader("Allow", allow);
    // A body that nobody wants is not read to its end.
    if (!request.complete) response.setHeader("Connection", "close");
    this.#options.reads.refuse(request, response, problem);
  }
}

function announce(response: ServerResponse, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) response.setHeader(headers[index]!, headers[index + 1]!);
}

/** Decide from the facts as they are now. Time has passed since the token was read: it may have ended. */
async function permit(api: Api, route: Route, call: Call<any, any, any, any>): Promise<void> {
  if (call.subject !== undefined) call.subject = await api.tokens.again(call.subject);
  for (const resource of [await route.resource(call)].flat()) authorize(call.subject, route.action, resource);
}

function checkHead(match: Match, request: IncomingMessage, query: string): { params: unknown; query: unknown; headers: unknown } {
  const wanted = Object.keys(match.route.headers?.properties ?? {});
  const given: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(given, name)) throw refuse.badRequest(`query.${name.slice(0, 40)} is there twice`);
    given[name] = value;
  }
  const headers = Object.fromEntries(wanted.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])));
  return { params: match.check("params", match.params), query: match.check("query", given), headers: match.check("headers", headers) };
}
