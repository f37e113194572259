import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Context, type ErrorInfo, type HttpBody, isPlinthError, type PlinthError, type Principal } from "@plinth/sdk";
import { BODY_HEADER, digestOf, HELLO_PATH, NONCE_HEADER, PROOF_SCHEME } from "@plinth/sdk/home";
import { discardBody, expectBody, hasBody, readWhole, type Whole } from "./body.ts";
import { answerPreflight, corsHeaders, mayAsk } from "./cors.ts";
import { type Directory, NOBODY } from "./directory.ts";
import { gathered } from "./gathered.ts";
import type { Guard } from "./guard.ts";
import { anthropicProblem, openaiProblem, problem, publicInfo, refuse } from "./problem.ts";
import type { Proofs } from "./proofs.ts";
import { assertOneHost, type PublicName, parseTarget, type RequestHead, requestHead } from "./request.ts";
import { type Sending, sendItems, sendWhole } from "./response.ts";
import { Room } from "./room.ts";
import type { Route, RouteTable } from "./routes.ts";
import type { Tally } from "./tally.ts";
import { bearer, type TokenCheck } from "./token.ts";

export interface Door {
  readonly ctx: Context;
  readonly directory: Directory;
  readonly guard: Guard;
  readonly token: TokenCheck;
  readonly proofs: Proofs;
  readonly attempts: Tally;
  /** What /healthz says. */
  alive(): Record<string, unknown>;
  /** What the operator says is in front of the gateway. */
  readonly publicName: PublicName | undefined;
  /** Longest wait for a whole body. */
  readonly bodyMs: number;
  /** Aborted when the gateway stops. */
  readonly stopping: AbortSignal;
}

/** What a proven token stands for. */
export const OWNER: Principal = Object.freeze({ role: "owner", via: "gateway-token" });

/** How a refusal is said. */
const FORMS = { problem, openai: openaiProblem, anthropic: anthropicProblem };

class StaleOffer extends Error {}

/** Answers one HTTP request. Never rejects. */
export async function answer(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let role: "owner" | "guest" = "guest";
  let errors: Route["errors"] = "problem";
  try {
    if (!door.guard.host(request.headers.host)) throw refuse.host();
    assertOneHost(request);
    const target = parseTarget(request.url ?? "");
    if (target.path === "/healthz" || target.path === "/readyz") return probe(door, request, response, target.path);
    if (target.path === HELLO_PATH) return hello(door, request, response);
    if (door.stopping.aborted) throw refuse.stopping();
    // An install may come between the look-up and the work: then look again, in the new generation.
    let whole: Whole | undefined;
    let proven: string | undefined;
    let counted = false;
    for (let round = 0; ; round += 1) {
      const { generation, routes } = door.directory.current ?? (await door.directory.load());
      const found = routes.match(request.method ?? "GET", target.path);
      if (Array.isArray(found)) {
        if (answerPreflight(request, response, routes, target.path, door.guard)) return;
        throw missing(response, routes, target.path, found);
      }
      const { route } = found;
      errors = route.errors;
      assertOrigin(door, request, route);
      if (!counted && route.tally !== undefined) assertRate(route.tally, request, response);
      counted = true;
      if (route.auth === "token" && whole === undefined) proven = authenticate(door, request, response, route.key);
      role = route.auth === "token" ? "owner" : "guest";
      const head = requestHead(request, target, found, door.token, door.publicName);
      if (route.body === "stream") {
        // A proof is for a body that is known before the work begins.
        if (proven !== undefined) throw refuse.badRequest("a body that is passed on as it comes cannot be signed; send the token");
      } else {
        // Before the work begins: a slow upload must not hold a generation.
        whole ??= await readWhole(request, response, route, door.bodyMs);
        if (proven !== undefined && digestOf(whole.raw) !== proven) throw refuse.badRequest("the body is not the one that was signed");
      }
      try {
        return await serve({ door, request, response, route, head, whole }, round < 2 ? generation : undefined);
      } catch (error) {
        if (!(error instanceof StaleOffer)) throw error;
        door.directory.invalidate();
      }
    }
  } catch (error) {
    fail(door, request, response, error, role, errors);
  }
}

/** Pages of elsewhere may read what is public, and change what the route or the operator lets them. */
export function assertOrigin({ guard }: Door, { method, headers }: IncomingMessage, route: Route, always = false): void {
  if (!always && (method === "GET" || method === "HEAD")) return;
  if (!guard.origin(headers.origin, headers.host) && !mayAsk(route, headers.origin, guard)) throw refuse.origin();
}

export function assertRate(tally: Tally, request: IncomingMessage, response?: ServerResponse): void {
  const wait = tally.count(request.socket.remoteAddress ?? "");
  if (wait === 0) return;
  response?.setHeader("retry-after", String(wait));
  throw refuse.often(wait);
}

function missing(response: ServerResponse, routes: RouteTable, path: string, allow: string[]): PlinthError {
  if (allow.length > 0) {
    response.setHeader("allow", allow.join(", "));
    return refuse.method(allow.join(", "));
  }
  if (!routes.upgrades(path)) return refuse.notFound(path);
  response.setHeader("upgrade", "websocket");
  return refuse.upgrade();
}

/**
 * Check who sends a request, by the token or by a proof of knowing it; wrong ones are counted by address. Returns the digest
 * of the only body that a proof is for.
 *
 * @param key a header that the token may come in where there is no Authorization.
 */
export function authenticate(door: Door, request: IncomingMessage, response?: ServerResponse, key?: string): string | undefined {
  const header = request.headers.authorization;
  const signed = header?.startsWith(`${PROOF_SCHEME} `) === true ? header.slice(PROOF_SCHEME.length + 1) : undefined;
  // One credential counts: who sends two has one guess as well.
  const candidate = signed ?? bearer(header) ?? (header === undefined && key !== undefined ? headerText(request, key) : undefined);
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
  const wait = door.attempts.count(request.socket.remoteAddress ?? "");
  if (wait > 0) {
    response?.setHeader("retry-after", String(wait));
    throw refuse.tooManyTokens(wait);
  }
  response?.setHeader("www-authenticate", 'Bearer error="invalid_token"');
  throw refuse.wrongToken();
}

function headerText({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
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

interface Exchange {
  readonly door: Door;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  readonly head: RequestHead;
  /** undefined: the body comes piece by piece. */
  readonly whole: Whole | undefined;
}

async function serve(exchange: Exchange, generation: number | undefined): Promise<void> {
  const { door, request, response, route, head, whole } = exchange;
  const { ctx } = door;
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.on("close", onClose);
  if (response.destroyed) gone.abort();
  const late = setTimeout(() => gone.abort(refuse.late(route.id)), route.timeoutMs);
  const ending = (): void => gone.abort(refuse.stopping());
  if (route.endless) door.stopping.addEventListener("abort", ending, { once: true });
  try {
    await ctx.work(route.auth === "token" ? OWNER : NOBODY, async () => {
      if (generation !== undefined && (ctx.currentWork()?.generation ?? generation) > generation) throw new StaleOffer();
      const streamed = whole === undefined && hasBody(request);
      const body: HttpBody = whole?.body ?? { type: streamed ? "stream" : "none" };
      const input = { ...head, ...(whole?.unpacked === true ? { headers: withoutPacking(head.headers) } : {}), body };
      const sending: Sending = {
        route,
        cors: corsHeaders(route, request.headers.origin, door.guard),
        secure: head.scheme === "https",
        headOnly: request.method === "HEAD",
        begun: () => clearTimeout(late),
      };
      const items = route.client.handle(input, { signal: gone.signal });
      if (streamed) await withUpload(exchange, gone, () => sendItems(response, sending, items));
      else await sendItems(response, sending, items);
    });
  } catch (error) {
    // An endless answer that the stop of the gateway ends is whole as far as it came.
    if (route.endless && door.stopping.aborted && response.headersSent) response.end();
    else throw gone.signal.aborted && isPlinthError(gone.signal.reason) ? gone.signal.reason : error;
  } finally {
    clearTimeout(late);
    door.stopping.removeEventListener("abort", ending);
    response.off("close", onClose);
  }
}

/** The route answers while its body comes; what it has not read when it is done, it did not want. */
async function withUpload({ request, response, route, head }: Exchange, gone: AbortController, answering: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const upload = async (): Promise<void> => {
    expectBody(request, response, route.bodyLimit);
    const { signal } = over;
    for await (const piece of gathered(request, route, signal)) {
      await route.client.receive({ id: head.id, item: { type: "bytes", base64: piece.toString("base64") } }, { signal });
    }
    await route.client.receive({ id: head.id, item: { type: "end" } }, { signal });
  };
  const uploading = upload().catch((error: unknown) => {
    if (!over.signal.aborted) gone.abort(error);
  });
  try {
    await answering();
  } finally {
    over.abort();
    await uploading;
    discardBody(request);
  }
}

function withoutPacking(headers: Record<string, string>): Record<string, string> {
  const { "content-encoding": _encoding, "content-length": _length, ...rest } = headers;
  return rest;
}

function probe(door: Door, request: IncomingMessage, response: ServerResponse, path: string): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    throw refuse.method("GET, HEAD");
  }
  const ready = !door.stopping.aborted;
  const body = path === "/healthz" ? { status: "alive", ...door.alive() } : { status: ready ? "ready" : "stopping" };
  sendWhole(response, path === "/healthz" || ready ? 200 : 503, "application/json", JSON.stringify(body));
}

function fail(
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  role: "owner" | "guest",
  errors: Route["errors"],
): void {
  const info: ErrorInfo = publicInfo(error, role);
  if (response.destroyed) return;
  const { status, body } = FORMS[errors](info);
  if (status >= 500 && info.code !== "PLINTH_STOPPING") {
    door.ctx.log.error("A request failed.", { path: request.url?.split("?")[0], error: String(error), ...info });
  }
  if (response.headersSent) {
    // Too late for a status: a cut connection is the only way left to say that the body is not whole.
    response.destroy();
    return;
  }
  // Who sends too slowly is not read to the end.
  if (info.code === "PLINTH_TIMEOUT") response.setHeader("connection", "close");
  for (const name of response.getHeaderNames()) if (name === "content-type" || name === "content-length") response.removeHeader(name);
  sendWhole(response, status, errors === "problem" ? "application/problem+json" : "application/json", body);
  discardBody(request);
}
