import { type Clock, isLoopbackHost, PlinthError } from "@plinth/sdk";
import { awaitDevice, exchangeCode, type Fetch, HttpError, proofKey, randomText, signInUrl, startDevice, type Tokens } from "@plinth/sdk/kits/http";
import { awaitCallback } from "./callback.ts";
import type { OAuthServer } from "./profile.ts";
import { wordOf } from "./tokens.ts";
import type { Vendor } from "./vendors.ts";

/** So long a browser is waited for. */
const BROWSER_MS = 600_000;

type Flow = "device" | "browser";
type Auth = Vendor["auth"][number];

export interface Visit {
  readonly type: "visit";
  readonly url: string;
  readonly code?: string;
  readonly expiresAt: number;
}

export interface SignInParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Ways {
  readonly server: OAuthServer;
  readonly flow: Flow;
  readonly auth: Auth;
}

/** How people sign in at a vendor. @throws where its data does not say enough, or names what it was not granted. */
export function wayIn({ id, title, auth: all, permit }: Vendor, clients: Readonly<Record<string, string>>, wanted?: Flow): Ways {
  const auth = all.find(({ kind }) => kind === "oauth");
  const refuse = (why: string, next: string): PlinthError =>
    new PlinthError("PLINTH_CREDENTIAL_LOGIN", `Nobody can sign in at ${title} here: ${why}.`, { next, details: { reason: "unsupported" } });
  if (auth?.tokenUrl === undefined) throw refuse("its data says nothing of signing in", `Use a key: plinth models auth add ${id} --secret NAME`);
  const has = { device: auth.deviceUrl !== undefined, browser: auth.authorizeUrl !== undefined };
  const flow = wanted ?? (has.device ? "device" : "browser");
  if (!has[flow]) throw refuse(`it has no ${flow} flow`, has.device || has.browser ? "Leave --flow out." : `See plinth models auth add ${id} --help`);
  const clientId = (Object.hasOwn(clients, id) ? clients[id] : undefined) ?? auth.clientId;
  if (clientId === undefined)
    throw refuse(
      "it wants a client id of yours",
      `Register one there, then: plinth config set 'extensions["plinth.credentials"].config.clients.${id}' CLIENT_ID`,
    );
  for (const url of [auth.tokenUrl, auth.deviceUrl, auth.authorizeUrl, auth.revokeUrl]) {
    if (url === undefined) continue;
    permit(url);
    if (url.startsWith("https:") || isLoopbackHost(new URL(url).hostname)) continue;
    throw refuse(`${new URL(url).host} is not reached over TLS`, "Ask whoever wrote its data.");
  }
  const server = { tokenUrl: auth.tokenUrl, clientId, ...(auth.revokeUrl === undefined ? {} : { revokeUrl: auth.revokeUrl }) };
  return { server, flow, auth };
}

/** Says where to go, and ends with the tokens. */
export async function* signIn(ways: Ways, parts: SignInParts): AsyncGenerator<Visit, Tokens> {
  try {
    return yield* ways.flow === "device" ? onDevice(ways, parts) : inBrowser(ways, parts);
  } catch (thrown) {
    // What a token server answers may hold more than its word.
    if (!(thrown instanceof HttpError)) throw thrown;
    const reason = wordOf(thrown.body) ?? `status_${thrown.status}`;
    throw new PlinthError("PLINTH_CREDENTIAL_LOGIN", `The vendor did not sign you in (${reason}).`, { next: "Sign in again.", details: { reason } });
  }
}

async function* onDevice({ auth, server }: Ways, { fetch, clock, signal }: SignInParts): AsyncGenerator<Visit, Tokens> {
  const device = await startDevice(fetch, clock, { deviceUrl: auth.deviceUrl as string, clientId: server.clientId, ...scopeOf(auth) });
  const { userCode, verificationUri, verificationUriComplete = verificationUri, expiresAt } = device;
  for (const address of [verificationUri, verificationUriComplete]) if (!isPage(address)) throw notAPage(address);
  yield { type: "visit", url: verificationUriComplete, code: userCode, expiresAt };
  return awaitDevice(fetch, clock, server, device, signal);
}

/** Where people type a code: a page that is reached over TLS, or on this machine. */
const isPage = (address: string): boolean => {
  const url = URL.parse(address);
  return url !== null && (url.protocol === "https:" || (url.protocol === "http:" && isLoopbackHost(url.hostname)));
};

const notAPage = (address: string): PlinthError =>
  new PlinthError(
    "PLINTH_CREDENTIAL_LOGIN",
    `The vendor's page for signing in is ${JSON.stringify(address.slice(0, 100))}, which is none to go to.`,
    {
      next: "Sign in again later. If it stays so, ask whoever wrote the vendor's data.",
      details: { reason: "page" },
    },
  );

async function* inBrowser({ auth, server }: Ways, { fetch, clock, signal }: SignInParts): AsyncGenerator<Visit, Tokens> {
  const state = randomText();
  const { verifier, challenge } = await proofKey();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(BROWSER_MS)]);
  const { host = "127.0.0.1", port = 0, path = "/callback" } = auth.redirect ?? {};
  await using callback = await awaitCallback({ state, host, port, path, signal: limit });
  const { redirectUri } = callback;
  const more = auth.authorizeFields === undefined ? {} : { more: auth.authorizeFields };
  const page = { authorizeUrl: auth.authorizeUrl as string, clientId: server.clientId, redirectUri, state, challenge };
  const url = signInUrl({ ...page, ...scopeOf(auth), ...more });
  yield { type: "visit", url, expiresAt: clock.now() + BROWSER_MS };
  const code = await callback.code;
  return exchangeCode(fetch, clock, server, { code, verifier, redirectUri });
}

const scopeOf = ({ scopes = [] }: Auth): { scope?: string } => (scopes.length === 0 ? {} : { scope: scopes.join(" ") });
