import { randomBytes } from "node:crypto";
import { type PlainAnswer, type PlainRequest, plainServer } from "./plain-server.ts";

/** GitHub as far as Copilot's sign-in needs it. */
export interface CopilotTokens {
  readonly url: string;
  readonly deviceUrl: string;
  readonly tokenUrl: string;
  readonly exchangeUrl: string;
  /** What came, in order. */
  readonly requests: readonly PlainRequest[];
  /** How often a token was exchanged, refusals too. */
  readonly exchanges: () => number;
  /** Tokens of GitHub that it gave out or was told of: long-lived, and for nobody but GitHub. */
  readonly long: Set<string>;
  /** Tokens of Copilot that it gave out. */
  readonly short: Set<string>;
  /** Where it says that Copilot's models are. */
  api: string;
  /** Seconds that the next tokens are good for. */
  expiresIn: number;
  /** Milliseconds before a token is exchanged. */
  delayMs: number;
  /** Exchanges are answered so. */
  refuse: PlainAnswer | undefined;
  close(): Promise<void>;
}

/**
 * The device flow of github.com (https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow),
 * and `GET /copilot_internal/v2/token` as the open sources of editors' Copilot clients ask it: it is told which editor asks, and
 * answers with a token, when it ends (`expires_at`, and `refresh_in` for clocks that differ), and `endpoints.api`.
 */
export async function copilotTokens(options: { api: string; clientId?: string }): Promise<CopilotTokens> {
  const { clientId = "Iv1.test" } = options;
  const [long, short] = [new Set<string>(), new Set<string>()];
  let pending = 1;
  let exchanges = 0;

  const exchanged = async ({ headers }: PlainRequest): Promise<PlainAnswer> => {
    exchanges++;
    await new Promise((done) => setTimeout(done, state.delayMs));
    if (state.refuse !== undefined) return state.refuse;
    if (headers["editor-version"] === undefined) return { status: 400, body: { message: "missing Editor-Version header for IDE auth" } };
    const token = /^(?:token|Bearer) (\S+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    if (!long.has(token)) return { status: 401, body: { message: "Bad credentials", documentation_url: "https://docs.github.com/rest" } };
    const expires_at = Math.floor(Date.now() / 1_000) + state.expiresIn;
    const value = `tid=${randomBytes(16).toString("hex")};exp=${expires_at};sku=copilot_for_business_seat;proxy-ep=proxy.test;8kp=1:${randomBytes(16).toString("hex")}`;
    short.add(value);
    return {
      body: {
        ...{ token: value, expires_at, refresh_in: state.expiresIn, chat_enabled: true, individual: false, sku: "copilot_for_business_seat" },
        endpoints: { api: state.api, proxy: "https://proxy.test", telemetry: "https://telemetry.test" },
      },
    };
  };

  const server = await plainServer((request) => {
    const { method, path, bytes } = request;
    if (method === "POST" && new URLSearchParams(bytes.toString()).get("client_id") !== clientId)
      return { status: 404, body: { error: "Not Found" } };
    if (path === "/login/device/code") {
      const verification_uri = `${server.url}/login/device`;
      return { body: { device_code: randomBytes(20).toString("hex"), user_code: "ABCD-EFGH", verification_uri, expires_in: 899, interval: 0 } };
    }
    if (path === "/login/oauth/access_token") {
      // GitHub says what is wrong with status 200.
      if (pending-- > 0) return { body: { error: "authorization_pending", error_description: "The authorization request is still pending." } };
      const access_token = `ghu_${randomBytes(18).toString("hex")}`;
      long.add(access_token);
      return { body: { access_token, token_type: "bearer", scope: "" } };
    }
    if (method === "GET" && path === "/copilot_internal/v2/token") return exchanged(request);
    return { status: 404, body: { message: "Not Found" } };
  });
  const state: CopilotTokens = {
    ...{ url: server.url, deviceUrl: `${server.url}/login/device/code`, tokenUrl: `${server.url}/login/oauth/access_token` },
    ...{ exchangeUrl: `${server.url}/copilot_internal/v2/token`, requests: server.requests, exchanges: () => exchanges, long, short },
    ...{ api: options.api, expiresIn: 1_500, delayMs: 0, refuse: undefined },
    close: () => server.close(),
  };
  return state;
}
