import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PlinthError } from "@plinth/sdk";

const PAGE = "<!doctype html><meta charset=utf-8><title>Plinth</title><p>You are signed in. You can close this page.";
const DECLINED = "<!doctype html><meta charset=utf-8><title>Plinth</title><p>You are not signed in. You can close this page.";
const HEADERS = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": "no-referrer", connection: "close" };

export interface Callback extends AsyncDisposable {
  readonly redirectUri: string;
  /** The code of the one sign-in that was begun. */
  readonly code: Promise<string>;
}

/**
 * Wait on this machine for a browser to come back from signing in. It takes one answer, with the state that was sent along;
 * whoever brings another one is turned away, and the wait goes on.
 */
export async function awaitCallback(options: {
  readonly state: string;
  /** By which the vendor knows this machine. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly signal: AbortSignal;
}): Promise<Callback> {
  const { state, host, port, path, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let used = false;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const url = URL.parse(request.url ?? "", "http://127.0.0.1");
    if (request.method !== "GET" || url?.pathname !== path) return void response.writeHead(404, HEADERS).end();
    if (used || !isSame(url.searchParams.get("state") ?? "", state)) return void response.writeHead(400, HEADERS).end(DECLINED);
    used = true;
    const code = url.searchParams.get("code");
    const word = url.searchParams.get("error") ?? "no_code";
    response.writeHead(200, HEADERS).end(code === null ? DECLINED : PAGE);
    if (code !== null) return resolve(code);
    const reason = /^[a-z_]{1,40}$/.test(word) ? word : "unknown";
    reject(
      new PlinthError("PLINTH_CREDENTIAL_LOGIN", `The vendor did not sign you in (${reason}).`, { next: "Sign in again.", details: { reason } }),
    );
  });
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  // Nobody may be waiting yet.
  promise.catch(() => {});
  const close = async (): Promise<void> => {
    signal.removeEventListener("abort", stop);
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  };
  await new Promise<void>((ready, failed) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      failed(
        new PlinthError("PLINTH_CREDENTIAL_LOGIN", `Nothing can wait for the browser on port ${port} (${error.code}).`, {
          next: "End what uses that port, or sign in with --flow device.",
          details: { reason: "port" },
        }),
      ),
    );
    server.listen(port, "127.0.0.1", ready);
  });
  const redirectUri = `http://${host}:${(server.address() as AddressInfo).port}${path}`;
  return { redirectUri, code: promise, [Symbol.asyncDispose]: close };
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
