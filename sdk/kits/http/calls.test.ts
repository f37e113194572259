import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../extension/index.ts";
import {
  awaitDevice,
  exchangeCode,
  type Fetch,
  HttpError,
  jsonCall,
  linkOf,
  paged,
  proofKey,
  refreshTokens,
  retryAfterMs,
  signInUrl,
  startDevice,
} from "./index.ts";

type Answer = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

async function server(answers: Answer[]): Promise<{ url: string; seen: (IncomingMessage & { body: string })[] }> {
  const seen: (IncomingMessage & { body: string })[] = [];
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const whole = Object.assign(request, { body });
    seen.push(whole);
    (answers[seen.length - 1] ?? answers.at(-1)!)(whole, response);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, seen };
}

/** As `ctx.fetch`, over the real one. */
const fetcher: Fetch = async (url, { method = "GET", headers, body, redirect = "follow" } = {}) => {
  const response = await fetch(url, {
    ...{ method, redirect },
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body: body as string }),
  });
  return {
    status: response.status,
    ok: response.ok,
    headers: Object.fromEntries(response.headers),
    body: response.body as unknown as AsyncIterable<Uint8Array>,
    text: () => response.text(),
    json: () => response.json(),
  };
};

/** Time that passes only where somebody sleeps. */
function clockAt(start = 1_000_000): Clock & { slept: number[] } {
  let now = start;
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
    now += ms;
  };
  return { slept, now: () => now, sleep };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const answer =
  (status: number, value: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(value === undefined ? "" : JSON.stringify(value));

describe("a call of a JSON API", () => {
  it("is sent again when the server says so, and not for longer than is wanted", async () => {
    const { url, seen } = await server([answer(429, {}, { "retry-after": "7" }), answer(503, {}), answer(200, { ok: true })]);
    const clock = clockAt();
    expect(await jsonCall(fetcher, clock, url, { body: { a: 1 } })).toMatchObject({ status: 200, value: { ok: true } });
    expect(clock.slept[0]).toBe(7_000);
    expect(clock.slept).toHaveLength(2);
    expect(seen.map(({ method, body }) => `${method} ${body}`)).toEqual(Array(3).fill('POST {"a":1}'));
    const patient = await server([answer(429, { why: "quota" }, { "retry-after": "3600" })]);
    const error = await jsonCall(fetcher, clock, patient.url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ status: 429, retryAfterMs: 3_600_000, body: { why: "quota" }, code: "PLINTH_RATE_LIMITED" });
    expect(patient.seen).toHaveLength(1);
  });

  it("is sent once where a second time could do harm", async () => {
    const { url, seen } = await server([answer(500, "no")]);
    await expect(jsonCall(fetcher, clockAt(), url, { body: {} })).rejects.toMatchObject({ status: 500, code: "PLINTH_NET" });
    expect(seen).toHaveLength(1);
    await expect(jsonCall(fetcher, clockAt(), url)).rejects.toMatchObject({ status: 500 });
    expect(seen).toHaveLength(4);
    const gone = await server([answer(404, { message: "gone" })]);
    await expect(jsonCall(fetcher, clockAt(), gone.url)).rejects.toMatchObject({ status: 404, body: { message: "gone" } });
    expect(gone.seen).toHaveLength(1);
  });

  it("reads waits as seconds and as dates, and answers without a body", async () => {
    expect(retryAfterMs("1.5", 0)).toBe(1_500);
    expect(retryAfterMs("Wed, 21 Oct 2015 07:28:00 GMT", Date.parse("2015-10-21T07:27:30Z"))).toBe(30_000);
    expect(retryAfterMs("Wed, 21 Oct 2015 07:28:00 GMT", Date.parse("2020-01-01"))).toBe(0);
    for (const header of [undefined, "", "soon", "-1", "2"].slice(0, 4)) expect(retryAfterMs(header, 0)).toBeUndefined();
    const { url } = await server([answer(204, undefined)]);
    expect((await jsonCall(fetcher, clockAt(), url)).value).toBeUndefined();
  });
});

describe("a list in pages", () => {
  it("is read as far as it is asked for, and ends where it leads back", async () => {
    const loaded: string[] = [];
    const load = async (next: string) => {
      loaded.push(next);
      return { items: [next, `${next}!`], next: next === "c" ? "a" : String.fromCharCode(next.charCodeAt(0) + 1) };
    };
    expect(await all(paged("a", load))).toEqual(["a", "a!", "b", "b!", "c", "c!"]);
    loaded.length = 0;
    for await (const item of paged("a", load)) if (item === "a!") break;
    expect(loaded).toEqual(["a"]);
    expect(await all(paged("a", load, 2))).toHaveLength(4);
  });

  it("is linked by a header, within its own server", () => {
    const header = '<https://api.example/x?page=1>; rel="prev", </x?page=3>; title="a, b"; rel="next last", <https://evil.example/>; rel=up';
    expect(linkOf(header, "next", "https://api.example/x")).toBe("https://api.example/x?page=3");
    expect(linkOf(header, "up", "https://api.example/x")).toBeUndefined();
    expect(linkOf(undefined, "next", "https://api.example/x")).toBeUndefined();
  });
});

describe("signing in with OAuth", () => {
  it("exchanges a code with the key that the sign-in page was shown the challenge of", async () => {
    const { url, seen } = await server([
      answer(200, { access_token: "A", refresh_token: "R", expires_in: 60, scope: "x" }),
      answer(200, { access_token: "B" }),
      answer(200, { error: "bad_verification_code" }),
    ]);
    const clock = clockAt();
    const key = await proofKey();
    const page = new URL(
      signInUrl({ authorizeUrl: `${url}/a?x=1`, clientId: "me", redirectUri: "http://l/cb", state: "s", challenge: key.challenge, scope: "x y" }),
    );
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      x: "1",
      response_type: "code",
      code_challenge_method: "S256",
      scope: "x y",
      state: "s",
    });
    expect(page.searchParams.get("code_challenge")).toBe(createHash("sha256").update(key.verifier).digest("base64url"));
    const client = { clientId: "me", tokenUrl: `${url}/token` };
    const tokens = await exchangeCode(fetcher, clock, client, { code: "c", verifier: key.verifier, redirectUri: "http://l/cb" });
    expect(tokens).toEqual({ accessToken: "A", refreshToken: "R", expiresAt: clock.now() + 60_000, scope: "x" });
    expect(Object.fromEntries(new URLSearchParams(seen[0]!.body))).toMatchObject({
      grant_type: "authorization_code",
      code_verifier: key.verifier,
      client_id: "me",
    });
    expect(await refreshTokens(fetcher, clock, client, "R")).toEqual({ accessToken: "B", refreshToken: "R" });
    await expect(refreshTokens(fetcher, clock, client, "R")).rejects.toMatchObject({ body: { error: "bad_verification_code" } });
  });

  it("tells what is in a request to the server that it is for, wherever that one leads", async () => {
    const other = await server([answer(200, { access_token: "theirs" })]);
    const moved = await server([302, 307, 308].map((status) => answer(status, {}, { location: `${other.url}/token` })));
    const client = { clientId: "me", tokenUrl: `${moved.url}/token` };
    for (const status of [302, 307, 308]) await expect(refreshTokens(fetcher, clockAt(), client, "R")).rejects.toMatchObject({ status });
    expect(other.seen).toEqual([]);
  });

  it("waits for another device at the pace that the server wants", async () => {
    const { url } = await server([
      answer(200, { device_code: "D", user_code: "U-1", verification_uri: "https://v", expires_in: 100, interval: 2 }),
      answer(400, { error: "authorization_pending" }),
      answer(400, { error: "slow_down" }),
      answer(200, { access_token: "A" }),
      answer(400, { error: "access_denied" }),
      answer(400, { error: "authorization_pending" }),
    ]);
    const clock = clockAt();
    const client = { clientId: "me", tokenUrl: `${url}/token` };
    const device = await startDevice(fetcher, clock, { deviceUrl: `${url}/device`, clientId: "me" });
    expect(device).toMatchObject({ deviceCode: "D", userCode: "U-1", intervalMs: 2_000 });
    expect(await awaitDevice(fetcher, clock, client, device)).toEqual({ accessToken: "A" });
    expect(clock.slept).toEqual([2_000, 2_000, 7_000]);
    await expect(awaitDevice(fetcher, clock, client, device)).rejects.toMatchObject({ code: "PLINTH_DECLINED" });
    await expect(awaitDevice(fetcher, clock, client, device)).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
  });
});
