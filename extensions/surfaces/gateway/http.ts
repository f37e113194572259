import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Context, ErrorInfo, Principal } from "@plinth/sdk";
import { BODY_HEADER, digestOf, HELLO_PATH, NONCE_HEADER, PROOF_SCHEME } from "@plinth/sdk/home";
import type { Attempts } from "./attempts.ts";
import { type Directory, NOBODY } from "./directory.ts";
import type { Guard } from "./guard.ts";
import { problem, publicInfo, refuse } from "./problem.ts";
import type { Proofs } from "./proofs.ts";
import { discardBody, parseTarget, plainHeaders, readBody, type Target } from "./request.ts";
import { sendItems, sendWhole } from "./response.ts";
import { Room } from "./room.ts";
import type { Route } from "./routes.ts";
import { bearer, type TokenCheck } from "./token.ts";

export interface Door {
  readonly ctx: Context;
  readonly directory: Directory;
  readonly guard: Guard;
  readonly token: TokenCheck;
  readonly proofs: Proofs;
  readonly attempts: Attempts;
  /** What /healthz says. */
  alive(): Record<string, unknown>;
  readonly stopping: boolean;
}

/** What a proven token stands for. */
export const OWNER: Principal = Object.freeze({ role: "owner", via: "gateway-token" });

class StaleOffer extends Error {}

/** Answers one HTTP request. Never rejects. */
export async function answer(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let role: "owner" | "guest" = "guest";
  try {
    if (!door.guard.host(request.headers.host)) throw refuse.host();
    const target = parseTarget(request.url ?? "");
    if (target.path === "/healthz" || target.path === "/readyz") return probe(door, request, response, target.path);
    if (target.path === HELLO_PATH) return hello(door, request, response);
    if (door.stopping) throw refuse.stopping();
    const reads = request.method === "GET" || request.method === "HEAD";
    if (!reads && !door.guard.origin(request.headers.origin, request.headers.host)) throw refuse.origin();
    // An install may come between the look-up and the work: then look again, in the new generation.
    let body: string | undefined;
    let proven: string | undefined;
    for (let round = 0; ; round += 1) {
      const { generation, routes } = door.directory.current ?? (await door.directory.load());
      const route = routes.match(request.method ?? "GET", target.path);
      if (Array.isArray(route)) {
        if (route.length === 0) throw refuse.notFound(target.path);
        response.setHeader("allow", route.join(", "));
        throw refuse.method(route.join(", "));
      }
      if (route.auth === "token" && body === undefined) proven = authenticate(door, request, response);
      role = route.auth === "token" ? "owner" : "guest";
      // Before the work begins: a slow upload must not hold a generation.
      body ??= await readBody(request, response, route.bodyLimit);
      if (proven !== undefined && digestOf(body) !== proven) throw refuse.badRequest("the body is not the one that was signed");
      try {
        return await serve(door, request, response, target, route, body, round < 2 ? generation : undefined);
      } catch (error) {
        if (!(error instanceof StaleOffer)) throw error;
        door.directory.invalidate();
      }
    }
  } catch (error) {
    fail(door, request, response, error, role);
  }
}

/**
 * Check who sends a request, by the token or by a proof of knowing it; wrong ones are counted by address. Returns the digest
 * of the only body that a proof is for.
 */
export function authenticate(door: Door, request: IncomingMessage, response?: ServerResponse): string | undefined {
  const header = request.headers.authorization;
  const signed = header?.startsWith(`${PROOF_SCHEME} `) === true ? header.slice(PROOF_SCHEME.length + 1) : undefined;
  const candidate = signed ?? bearer(header);
  if (candidate === undefined) {
    response?.setHeader("www-authenticate", "Bearer");
    throw refuse.noToken();
  }
  const body = String(request.headers[BODY_HEADER] ?? "");
  const wanted = { method: request.method ?? "", target: request.url ?? "", body };
  const good = signed === undefined ? door.token.matches(candidate) : door.proofs.accepts(signed, wayOf(request.socket), wanted);
  if (good) {
    if (Room.of(request.socket)?.know(request.socket) === false) throw refuse.full();
    return signed === undefined ? undefined : body;
  }
  const wait = door.attempts.fail(request.socket.remoteAddress ?? "");
  if (wait > 0) {
    response?.setHeader("retry-after", String(wait));
    throw refuse.tooManyTokens(wait);
  }
  response?.setHeader("www-authenticate", 'Bearer error="invalid_token"');
  throw refuse.wrongToken();
}

/** Says who this is to anybody who asks with a random number; only whoever knows the token can tell whether it is true. */
function hello(door: Door, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "GET") {
    response.setHeader("allow", "GET");
    throw refuse.method("GET");
  }
  const answer = door.proofs.answer(request.headers[NONCE_HEADER], wayOf(request.socket));
  if (answer === undefined) throw refuse.badRequest(`the header ${NONCE_HEADER} holds no 16 to 128 letters and digits`);
  sendWhole(response, 200, "application/json", JSON.stringify(answer));
}

/** Connections over the local socket have no port. */
const wayOf = ({ localPort }: Socket): string => (localPort === undefined ? "socket" : `port ${localPort}`);

async function serve(
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
  { path, query }: Target,
  route: Route,
  body: string,
  generation: number | undefined,
): Promise<void> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.on("close", onClose);
  if (response.destroyed) gone.abort();
  const { ctx } = door;
  try {
    await ctx.work(route.auth === "token" ? OWNER : NOBODY, async () => {
      if (generation !== undefined && (ctx.currentWork()?.generation ?? generation) > generation) throw new StaleOffer();
      const input = {
        method: request.method ?? "GET",
        path,
        query,
        headers: plainHeaders(request),
        body,
        remote: request.socket.remoteAddress ?? "",
      };
      await sendItems(response, route, route.client.handle(input, { signal: gone.signal }), request.method === "HEAD");
    });
  } finally {
    response.off("close", onClose);
  }
}

function probe(door: Door, request: IncomingMessage, response: ServerResponse, path: string): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    throw refuse.method("GET, HEAD");
  }
  const ready = !door.stopping;
  const body = path === "/healthz" ? { status: "alive", ...door.alive() } : { status: ready ? "ready" : "stopping" };
  sendWhole(response, path === "/healthz" || ready ? 200 : 503, "application/json", JSON.stringify(body));
}

function fail(door: Door, request: IncomingMessage, response: ServerResponse, error: unknown, role: "owner" | "guest"): void {
  const info: ErrorInfo = publicInfo(error, role);
  if (response.destroyed) return;
  const { status, body } = problem(info);
  if (status >= 500 && info.code !== "PLINTH_STOPPING") {
    door.ctx.log.error("A request failed.", { path: request.url?.split("?")[0], error: String(error), ...info });
  }
  if (response.headersSent) {
    // Too late for a status: a cut connection is the only way left to say that the body is not whole.
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) if (name === "content-type" || name === "content-length") response.removeHeader(name);
  sendWhole(response, status, "application/problem+json", body);
  discardBody(request);
}
