import { PlinthError } from "../../extension/errors.ts";
import type { Clock } from "../../extension/index.ts";
import { type Fetch, HttpError } from "./json-call.ts";

export interface OAuthClient {
  clientId: string;
  /** A handle of `ctx.secrets` does not work here: it stands in a body. */
  clientSecret?: string;
  tokenUrl: string;
}

export interface Tokens {
  accessToken: string;
  refreshToken?: string;
  /** When the access token ends, in milliseconds since the epoch. */
  expiresAt?: number;
  scope?: string;
  idToken?: string;
}

/** The two halves of a proof key (RFC 7636): the challenge goes to the sign-in page, the verifier to the token's address. */
export async function proofKey(): Promise<{ verifier: string; challenge: string; method: "S256" }> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return { verifier, challenge: base64url(new Uint8Array(digest)), method: "S256" };
}

/** A value that nobody can guess, such as a `state`. */
export const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(24)));

export interface SignIn {
  authorizeUrl: string;
  clientId: string;
  redirectUri: string;
  state: string;
  challenge: string;
  scope?: string;
  /** What a server wants besides. */
  more?: Record<string, string>;
}

/** Where a person signs in. */
export function signInUrl({ authorizeUrl, clientId, redirectUri, state, challenge, scope, more = {} }: SignIn): string {
  const url = new URL(authorizeUrl);
  const fields = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries({ ...more, ...(scope === undefined ? {} : { scope }), ...fields })) url.searchParams.set(name, value);
  return url.href;
}

/** The code that a sign-in came back with, for tokens. */
export const exchangeCode = (
  fetch: Fetch,
  clock: Clock,
  client: OAuthClient,
  { code, verifier, redirectUri }: { code: string; verifier: string; redirectUri: string },
): Promise<Tokens> => askTokens(fetch, clock, client, { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri });

/** New tokens for a refresh token; keeps that one where the server sends no other. */
export async function refreshTokens(fetch: Fetch, clock: Clock, client: OAuthClient, refreshToken: string): Promise<Tokens> {
  const tokens = await askTokens(fetch, clock, client, { grant_type: "refresh_token", refresh_token: refreshToken });
  return { refreshToken, ...tokens };
}

export interface DeviceSignIn {
  deviceCode: string;
  /** What a person types at `verificationUri`. */
  userCode: string;
  verificationUri: string;
  verificationUriComplete?: string;
  expiresAt: number;
  intervalMs: number;
}

/** Begin a sign-in on another device (RFC 8628). */
export async function startDevice(
  fetch: Fetch,
  clock: Clock,
  { deviceUrl, clientId, scope }: { deviceUrl: string; clientId: string; scope?: string },
): Promise<DeviceSignIn> {
  const value = await postForm(fetch, deviceUrl, { client_id: clientId, ...(scope === undefined ? {} : { scope }) });
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = value;
  if (typeof device_code !== "string" || typeof user_code !== "string" || typeof verification_uri !== "string") throw malformed(deviceUrl);
  return {
    deviceCode: device_code,
    userCode: user_code,
    verificationUri: verification_uri,
    ...(typeof verification_uri_complete === "string" ? { verificationUriComplete: verification_uri_complete } : {}),
    expiresAt: clock.now() + seconds(expires_in, 900),
    intervalMs: seconds(interval, 5),
  };
}

/** Wait until the person has signed in: tokens, or an error that says what they did instead. */
export async function awaitDevice(fetch: Fetch, clock: Clock, client: OAuthClient, device: DeviceSignIn, signal?: AbortSignal): Promise<Tokens> {
  let pause = device.intervalMs;
  while (clock.now() < device.expiresAt) {
    await clock.sleep(pause, signal);
    try {
      return await askTokens(fetch, clock, client, { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: device.deviceCode });
    } catch (thrown) {
      const error = thrown instanceof HttpError ? (thrown.body as { error?: unknown } | null)?.error : undefined;
      if (error === "slow_down") pause += 5_000;
      else if (error === "access_denied") throw new PlinthError("PLINTH_DECLINED", "The sign-in was declined.", { next: "Sign in again." });
      else if (error === "expired_token") break;
      else if (error !== "authorization_pending") throw thrown;
    }
  }
  throw new PlinthError("PLINTH_DEADLINE", "Nobody signed in before the code ended.", { next: "Begin the sign-in again." });
}

async function askTokens(fetch: Fetch, clock: Clock, client: OAuthClient, fields: Record<string, string>): Promise<Tokens> {
  const secret: Record<string, string> = client.clientSecret === undefined ? {} : { client_secret: client.clientSecret };
  const value = await postForm(fetch, client.tokenUrl, { ...fields, client_id: client.clientId, ...secret });
  const { access_token, refresh_token, expires_in, scope, id_token } = value;
  if (typeof access_token !== "string") throw malformed(client.tokenUrl);
  return {
    accessToken: access_token,
    ...(typeof refresh_token === "string" ? { refreshToken: refresh_token } : {}),
    ...(expires_in === undefined ? {} : { expiresAt: clock.now() + seconds(expires_in, 3_600) }),
    ...(typeof scope === "string" ? { scope } : {}),
    ...(typeof id_token === "string" ? { idToken: id_token } : {}),
  };
}

async function postForm(fetch: Fetch, url: string, fields: Record<string, string>): Promise<Record<string, unknown>> {
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(fields).toString();
  // What stands in it is for this server, wherever it leads.
  const response = await fetch(url, { method: "POST", headers, body, maxBytes: 256 * 1024, redirect: "manual" });
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = text.slice(0, 500);
  }
  // Some servers say what is wrong with status 200.
  if (!response.ok || typeof (value as { error?: unknown } | null)?.error === "string") throw new HttpError(url, response.status, value, undefined);
  if (typeof value !== "object" || value === null) throw malformed(url);
  return value as Record<string, unknown>;
}

const seconds = (value: unknown, otherwise: number): number => {
  const number = Number(value ?? otherwise);
  return (Number.isFinite(number) && number >= 0 ? Math.min(number, 31_536_000) : otherwise) * 1_000;
};

const malformed = (url: string): PlinthError =>
  new PlinthError("PLINTH_NET", `${new URL(url).host} did not answer as an OAuth server does.`, { next: "Check the address." });

const base64url = (bytes: Uint8Array): string =>
  (bytes as Uint8Array & { toBase64(options: { alphabet: "base64url"; omitPadding: boolean }): string }).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
