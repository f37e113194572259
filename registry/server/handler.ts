import type { IncomingMessage, ServerResponse } from "node:http";
import { type Api, isAdmin } from "./api.ts";
import type { Bodies } from "./body.ts";
import { clientAddress } from "./client-address.ts";
import { problemOf, refuse } from "./problem.ts";
import { type Policy, type RateLimits, rateLimitHeaders } from "./rate-limits.ts";
import type { Reads } from "./reads.ts";
import type { Match, Router } from "./router.ts";
import { READ_HEADERS } from "./static-files.ts";
import type { Token } from "./storage/index.ts";

export interface HandlerOptions {
  api: Api;
  router: Router;
  reads: Reads;
  limits: RateLimits;
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
    const { router, bodies } = this.#options;
    const method = request.method ?? "GET";
    if (method === "OPTIONS") return void response.writeHead(204, PREFLIGHT).end();
    const match = router.find(method === "HEAD" ? "GET" : method, path);
    const { route } = match;
    const token = route.token === undefined ? undefined : await this.#authenticate(request, address, route.token === "optional");
    announce(response, this.#count(response, route.policy, token?.id ?? address, token !== undefined));
    if (token !== undefined) assertScope(token, route.token);
    const checked = checkHead(match, request, query);
    // Everything that the head tells is settled; now the body may cost something.
    const answer = await bodies.with(request, route.body, async (bytes) => {
      const body = route.body === "tarball" ? bytes : match.check("body", bytes);
      return route.handle({ ...checked, body, token, address } as Parameters<typeof route.handle>[0]);
    });
    const bytes = Buffer.from(JSON.stringify(answer));
    const open = route.token === undefined && route.method === "GET" ? READ_HEADERS : {};
    response
      .writeHead(route.status ?? 200, { ...open, "Content-Type": "application/json", "Content-Length": bytes.length, "Cache-Control": "no-store" })
      .end(method === "HEAD" ? undefined : bytes);
  }

  async #authenticate(request: IncomingMessage, address: string, optional: boolean): Promise<Token | undefined> {
    const { api, limits } = this.#options;
    const header = request.headers.authorization;
    if (header === undefined && optional) return undefined;
    // Whoever guesses is stopped before the database is asked.
    const guesses = limits.look("wrong-token", address, false);
    if (!guesses.allowed) throw new Limited("wrong-token", guesses.reset);
    const [, bearer] = /^Bearer ([\w-]{1,200})$/i.exec(header ?? "") ?? [];
    if (bearer === undefined) throw refuse.noToken();
    return api.tokens.check(bearer).catch((error: unknown) => {
      limits.take("wrong-token", address, false);
      throw error;
    });
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

/** Too many requests. */
class Limited extends Error {
  readonly policy: Policy;
  readonly seconds: number;

  constructor(policy: Policy, seconds: number) {
    super("too many requests");
    this.policy = policy;
    this.seconds = seconds;
  }
}

function assertScope(token: Token, wanted: Match["route"]["token"]): void {
  if (wanted === undefined || wanted === "any" || wanted === "optional" || isAdmin(token) || token.scopes.includes(wanted)) return;
  throw refuse.scope(wanted);
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
