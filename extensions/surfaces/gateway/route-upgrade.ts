import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { PlinthError, type SocketItem } from "@plinth/sdk";
import { NOBODY } from "./directory.ts";
import { assertOrigin, assertRate, authenticate, type Door, OWNER } from "./http.ts";
import { refuse } from "./problem.ts";
import { assertOneHost, parseTarget, requestHead } from "./request.ts";
import { RouteSocket } from "./route-socket.ts";
import { type Route, WEBSOCKET } from "./routes.ts";
import { accept, answerUpgrade, refuseUpgrade } from "./wire-socket.ts";

/** A browser's page cannot set headers: it offers the token as a subprotocol, and this one where the route has none. */
const TOKEN_PROTOCOL = "plinth.token.";
const BEARER_PROTOCOL = "plinth.bearer";

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** What may be unread at the client before its pings cost it the connection. */
  readonly bufferedBytes: number;
  /** The connection is one of its room's that count as proven. False: there is no room. */
  proven(): boolean;
  opened(connection: RouteSocket): void;
}

/** A WebSocket for a route: the same rules as for its requests, then the route decides. Never rejects. */
export async function upgradeToRoute(door: Door, upgrade: Upgrade): Promise<void> {
  const { request, socket } = upgrade;
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  socket.once("close", onClose);
  let late: NodeJS.Timeout | undefined;
  try {
    assertOneHost(request);
    const target = parseTarget(request.url ?? "");
    const { routes } = await door.directory.load();
    const found = routes.match(WEBSOCKET, target.path);
    if (Array.isArray(found)) throw found.length > 0 ? refuse.noUpgrade() : refuse.notFound(target.path);
    const { route } = found;
    assertOrigin(door, request, route, true);
    if (route.tally !== undefined) assertRate(route.tally, request);
    const offered = protocolsOf(request);
    if (route.auth === "token") prove(door, upgrade, offered);
    const protocols = offered.filter((name) => !name.startsWith(TOKEN_PROTOCOL) && name !== BEARER_PROTOCOL);
    const input = { ...requestHead(request, target, found, door.token, door.publicName), protocols };
    late = setTimeout(() => gone.abort(refuse.late(route.id)), route.timeoutMs);
    await door.ctx.work(route.auth === "token" ? OWNER : NOBODY, async () => {
      const items = route.client.socket(input, { signal: gone.signal })[Symbol.asyncIterator]();
      try {
        const { done, value: first } = await items.next();
        clearTimeout(late);
        if (done) throw refuse.noUpgrade();
        if (first.type === "refuse") return answerUpgrade(socket, first.status, "text/plain; charset=utf-8", first.text ?? "");
        if (first.type !== "open") throw outOfOrder(route);
        if (door.stopping.aborted) throw refuse.stopping();
        const connection = await opened(upgrade, door, route, input.id, chosen(route, first, offered), gone);
        await connection.send({ [Symbol.asyncIterator]: () => items });
      } finally {
        await items.return?.();
      }
    });
  } catch (error) {
    if (socket.destroyed) return;
    const refusal = gone.signal.reason instanceof PlinthError ? gone.signal.reason : error;
    const { code } = refusal as { code?: string };
    if (code === undefined || code === "PLINTH_PAYLOAD") door.ctx.log.error("A WebSocket could not be opened.", { error: String(refusal) });
    refuseUpgrade(socket, refusal);
  } finally {
    clearTimeout(late);
  }
}

function opened(
  { request, socket, head, bufferedBytes, opened: tell }: Upgrade,
  door: Door,
  route: Route,
  id: string,
  protocol: string | undefined,
  gone: AbortController,
): Promise<RouteSocket> {
  // From here on the connection says itself when it ends, after what it has brought was delivered.
  socket.removeAllListeners("close");
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(refuse.stopping()));
    accept(request, socket, head, { maxPayload: route.websocket?.maxMessage ?? 0, bufferedBytes, protocol }, (client) => {
      const connection = new RouteSocket(door, client, route, id, route.auth === "token" ? OWNER : NOBODY, gone);
      tell(connection);
      resolve(connection);
    });
  });
}

/** With the gateway's token: in a header, or as a subprotocol, which is all that a page can choose. */
function prove(door: Door, upgrade: Upgrade, offered: readonly string[]): void {
  const { request } = upgrade;
  const token = offered.find((name) => name.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
  if (token === undefined || request.headers.authorization !== undefined) {
    authenticate(door, request);
    return;
  }
  if (!door.token.matches(token)) {
    const wait = door.attempts.count(request.socket.remoteAddress ?? "");
    throw wait > 0 ? refuse.tooManyTokens(wait) : refuse.wrongToken();
  }
  if (!upgrade.proven()) throw refuse.full();
}

const protocolsOf = ({ headers }: IncomingMessage): string[] =>
  String(headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .slice(0, 32);

/** The route's choice where the client offered it; a token is never said back. */
function chosen(route: Route, { protocol }: Extract<SocketItem, { type: "open" }>, offered: readonly string[]): string | undefined {
  if (protocol !== undefined && offered.includes(protocol) && !protocol.startsWith(TOKEN_PROTOCOL)) return protocol;
  const known = offered.find((name) => route.websocket?.protocols.includes(name));
  return known ?? (offered.includes(BEARER_PROTOCOL) ? BEARER_PROTOCOL : undefined);
}

const outOfOrder = (route: Route): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `The route ${route.id} sent something before it took the WebSocket.`, {
    extension: route.extension,
    next: "Report it to the author of the extension.",
  });
