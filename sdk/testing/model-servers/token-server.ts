import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface TokenServerOptions {
  /** Seconds that an access token is good for. Default 3600. */
  expiresIn?: number;
  /** Milliseconds before an answer to a refresh. Default 0. */
  delayMs?: number;
  /** Seconds between two questions about a device's sign-in. Default 0. */
  interval?: number;
  /** Makes access tokens, such as JWTs; its answers then do not say when they end. Default: random words. */
  accessToken?: (seconds: number) => string;
}

/** An authorization server on this machine (RFC 6749, 7009, 7636, 8628). Each refresh token is good for one use; used twice, all that came of it are taken back. */
export interface TokenServer {
  readonly url: string;
  readonly authorizeUrl: string;
  readonly deviceUrl: string;
  readonly tokenUrl: string;
  readonly revokeUrl: string;
  /** The grant types that were asked for, in order. */
  readonly grants: readonly string[];
  /** Refresh tokens that somebody sent a second time. */
  readonly reused: readonly string[];
  readonly revoked: readonly string[];
  /** Every value that it gave out. */
  readonly values: readonly string[];
  /** How many questions about devices are answered with `authorization_pending`, before what. Default: none, then tokens. */
  pending: { count: number; outcome: "tokens" | "access_denied" };
  /** The next refreshes are answered so. */
  refuse: { status: number; error: string } | undefined;
  /** Refreshes are done, and the connection is cut before anything is answered. */
  hangUp: boolean;
  delayMs: number;
  /** Seconds that the next access tokens are good for. */
  expiresIn: number;
  /** Tokens as if somebody had signed in. */
  issue(expiresIn?: number): { accessToken: string; refreshToken: string; expiresAt: number };
  isGood(accessToken: string): boolean;
  close(): Promise<void>;
}

/** Start one on a free port of 127.0.0.1. `GET authorizeUrl` signs in at once and sends the browser back. */
export async function tokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const { expiresIn = 3_600, delayMs = 0, interval = 0 } = options;
  const grants: string[] = [];
  const reused: string[] = [];
  const revoked: string[] = [];
  const values: string[] = [];
  const good = new Set<string>();
  const refreshes = new Map<string, "fresh" | "used">();
  const codes = new Map<string, { challenge: string; redirectUri: string; clientId: string }>();

  const give = (seconds = server.expiresIn) => {
    const accessToken = options.accessToken?.(seconds) ?? `at-${randomBytes(18).toString("hex")}`;
    const refreshToken = `rt-${randomBytes(18).toString("hex")}`;
    good.add(accessToken);
    refreshes.set(refreshToken, "fresh");
    values.push(accessToken, refreshToken);
    return { accessToken, refreshToken, expiresAt: Date.now() + seconds * 1_000 };
  };
  const tokens = (): Answer => {
    const { accessToken, refreshToken } = give();
    const ends = options.accessToken === undefined ? { expires_in: server.expiresIn } : {};
    return [200, { access_token: accessToken, token_type: "Bearer", refresh_token: refreshToken, ...ends }];
  };

  const granted = async (form: URLSearchParams): Promise<Answer | undefined> => {
    const grant = form.get("grant_type") ?? "";
    grants.push(grant);
    if (grant === "authorization_code") {
      const code = form.get("code") ?? "";
      const kept = codes.get(code);
      codes.delete(code);
      const proof = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      const fits = kept?.challenge === proof && kept.redirectUri === form.get("redirect_uri") && kept.clientId === form.get("client_id");
      return fits ? tokens() : [400, { error: "invalid_grant" }];
    }
    if (grant === "urn:ietf:params:oauth:grant-type:device_code") {
      if (server.pending.count-- > 0) return [400, { error: "authorization_pending" }];
      return server.pending.outcome === "tokens" ? tokens() : [400, { error: server.pending.outcome }];
    }
    if (grant !== "refresh_token") return [400, { error: "unsupported_grant_type" }];
    if (server.refuse !== undefined) return [server.refuse.status, { error: server.refuse.error }];
    const token = form.get("refresh_token") ?? "";
    const state = refreshes.get(token);
    if (state === "used") {
      reused.push(token);
      good.clear();
      refreshes.clear();
    }
    if (state !== "fresh") return [400, { error: "invalid_grant" }];
    refreshes.set(token, "used");
    await sleep(server.delayMs);
    return server.hangUp ? undefined : tokens();
  };

  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const form = new URLSearchParams(await bodyOf(request));
    const json = ([status, body]: Answer) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/authorize") {
      const { redirect_uri = "", state = "", code_challenge = "", client_id = "" } = Object.fromEntries(url.searchParams);
      const code = randomBytes(12).toString("hex");
      values.push(code);
      codes.set(code, { challenge: code_challenge, redirectUri: redirect_uri, clientId: client_id });
      const back = new URL(redirect_uri);
      back.searchParams.set("code", code);
      back.searchParams.set("state", state);
      response.writeHead(302, { location: back.href }).end();
    } else if (url.pathname === "/device") {
      json([
        200,
        {
          device_code: randomBytes(12).toString("hex"),
          user_code: "ABCD-EFGH",
          verification_uri: `${server.url}/activate`,
          expires_in: 600,
          interval,
        },
      ]);
    } else if (url.pathname === "/token") {
      const answer = await granted(form);
      if (answer === undefined) request.socket.destroy();
      else json(answer);
    } else if (url.pathname === "/revoke") {
      revoked.push(form.get("token") ?? "");
      response.writeHead(200).end();
    } else response.writeHead(404).end();
  });
  http.keepAliveTimeout = 300_000;
  await new Promise<void>((ready) => http.listen(0, "127.0.0.1", ready));
  const at = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: TokenServer = {
    ...{ url: at, authorizeUrl: `${at}/authorize`, deviceUrl: `${at}/device`, tokenUrl: `${at}/token`, revokeUrl: `${at}/revoke` },
    ...{ grants, reused, revoked, values, delayMs, expiresIn },
    pending: { count: 0, outcome: "tokens" },
    refuse: undefined,
    hangUp: false,
    issue: give,
    isGood: (token) => good.has(token),
    async close() {
      const closed = new Promise<void>((done) => http.close(() => done()));
      http.closeAllConnections();
      await closed;
    },
  };
  return server;
}

type Answer = [status: number, body: object];

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
