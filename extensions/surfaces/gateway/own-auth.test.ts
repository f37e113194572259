import { json } from "@plinth/sdk/kits/http";
import { describe, expect, it } from "vitest";
import { route, startGateway } from "./started-gateway.ts";

const echo = async function* ({ headers, rawHeaders, url, scheme, host, params }: any): AsyncGenerator<unknown> {
  yield* json(200, { headers, rawHeaders, url, scheme, host, params });
};
const seenBy = async (response: Response): Promise<any> => response.json();

describe("a route that checks itself who is there", () => {
  it("gets what proves it, but never the gateway's own token", async () => {
    await using gateway = await startGateway([
      route("hook", { auth: "own", methods: ["GET", "POST"] }, async function* ({ headers, rawHeaders }, { work }) {
        yield* json(200, { headers, rawHeaders, role: work.principal.role });
      }),
      route("open", { auth: "none" }, echo),
    ]);
    const ask = async (headers: Record<string, string>, path = "/hook") => seenBy(await fetch(`${gateway.url}${path}`, { headers }));
    const jwt = "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
    expect(await ask({ authorization: jwt })).toMatchObject({ headers: { authorization: jwt }, role: "guest" });
    expect((await ask({ authorization: jwt }, "/open")).headers).not.toHaveProperty("authorization");
    const basic = Buffer.from(`owner:${gateway.token}`).toString("base64");
    for (const headers of [
      { authorization: `Bearer ${gateway.token}` },
      { authorization: `Basic ${basic}` },
      { authorization: "Plinth whatever" },
      { "x-token": `a ${gateway.token} b` },
      { cookie: `acme.x~t=${gateway.token}` },
      { "proxy-authorization": `Bearer ${gateway.token}` },
    ] as Record<string, string>[]) {
      const seen = await ask(headers);
      expect(JSON.stringify(seen), JSON.stringify(headers)).not.toContain(gateway.token);
      expect(JSON.stringify(seen)).not.toContain(basic);
      expect(seen.headers).not.toHaveProperty(Object.keys(headers)[0]!);
      // The token makes nobody the owner here: it was not asked for.
      expect(seen.role).toBe("guest");
    }
  });

  it("does not get the gateway's token, however it is written", async () => {
    await using gateway = await startGateway([route("hook", { auth: "own", path: "/hook/{name}" }, echo)]);
    const { token, url } = gateway;
    const escaped = (text: string): string => text.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`);
    const first = `${escaped(token[0]!)}${token.slice(1)}`;
    for (const written of [token, first, escaped(token), escaped(escaped(token)), `x${token}`, `${token}_y`, `x${first}y`]) {
      for (const address of [`/hook/${written}`, `/hook/a?a=${written}`, `/hook/a?${written}`, `/hook/a?a=b&a=${written}#c`]) {
        const answer = await fetch(url + address);
        expect([answer.status, (await answer.text()).includes(token)], address).toEqual([400, false]);
      }
      const headers = { "x-token": written, "x-other": "stays" };
      const seen = await seenBy(await fetch(`${url}/hook/a`, { headers }));
      expect(seen.headers, written).not.toHaveProperty("x-token");
      expect(seen.headers).toMatchObject({ "x-other": "stays" });
    }
    const basic = Buffer.from(`owner:${token}`);
    for (const value of [
      basic.toString("base64"),
      basic.toString("base64url"),
      `x${basic.toString("base64")}`,
      `x=${encodeURIComponent(basic.toString("base64"))}`,
    ])
      expect((await seenBy(await fetch(`${url}/hook/a`, { headers: { "x-login": value } }))).headers, value).not.toHaveProperty("x-login");
    // What is as long is no token.
    const other = token.split("").reverse().join("");
    expect((await seenBy(await fetch(`${url}/hook/a`, { headers: { "x-token": other } }))).headers).toMatchObject({ "x-token": other });
  });

  it("has cookies of its own, which no other extension and no script gets", async () => {
    await using gateway = await startGateway([
      route("login", { auth: "own" }, async function* () {
        yield {
          type: "head",
          status: 200,
          headers: { "set-cookie": ["state=abc; Max-Age=60; Domain=example.com; SameSite=None", "b=2; Path=/hook", "bad name=1", "x=a;b\r\ny=1"] },
        };
      }),
      route("hook", { auth: "own" }, echo),
      route("open", { auth: "none" }, async function* () {
        yield { type: "head", status: 200, headers: { "set-cookie": "a=1" } };
      }),
    ]);
    const cookies = (await fetch(`${gateway.url}/login`)).headers.getSetCookie();
    expect(cookies).toEqual([
      "test.scripted~state=abc; Max-Age=60; Path=/; SameSite=Lax; HttpOnly",
      "test.scripted~b=2; Path=/hook; SameSite=Lax; HttpOnly",
    ]);
    const cookie = "session=of-another-program; acme.other~state=x; test.scripted~state=abc; test.scripted~b=2";
    const seen = await seenBy(await fetch(`${gateway.url}/hook`, { headers: { cookie } }));
    expect(seen.headers.cookie).toBe("state=abc; b=2");
    expect(JSON.stringify(seen.rawHeaders)).not.toContain("another");
    expect((await fetch(`${gateway.url}/open`)).headers.getSetCookie()).toEqual([]);
  });

  it("knows its public address, and is asked under that name", async () => {
    await using gateway = await startGateway([route("hook", { auth: "own", path: "/hooks/{account}/x", methods: ["POST"] }, echo)], {
      publicUrl: "https://bot.example/plinth/",
    });
    const seen = await seenBy(await fetch(`${gateway.url}/hooks/a%20b/x?q=1&q=%32`, { method: "POST", headers: { origin: "https://bot.example" } }));
    expect(seen).toMatchObject({
      url: "https://bot.example/plinth/hooks/a%20b/x?q=1&q=%32",
      scheme: "https",
      host: "bot.example",
      params: { account: "a b" },
    });
  });
});

describe("pages of other origins", () => {
  it("ask where the route lets them, and with the token only where the operator does", async () => {
    const cors = { origins: ["https://app.example", "https://two.example"], headers: ["x-mine"], exposes: ["x-total"] };
    await using gateway = await startGateway(
      [
        route("api", { auth: "own", methods: ["GET", "POST"], cors }, async function* () {
          yield { type: "head", status: 200, headers: { "x-total": "3", "access-control-allow-credentials": "true", vary: "accept" } };
        }),
        route("mine", { methods: ["GET", "POST"], cors }, echo),
        route("any", { auth: "none", cors: { origins: ["*"] } }, echo),
        route("closed", { auth: "none", methods: ["POST"] }, echo),
      ],
      { origins: ["https://two.example"] },
    );
    const preflight = (path: string, origin: string) =>
      fetch(`${gateway.url}${path}`, { method: "OPTIONS", headers: { origin, "access-control-request-method": path === "/any" ? "GET" : "POST" } });
    const allowed = await preflight("/api", "https://app.example");
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "x-mine",
      vary: "origin",
    });
    expect((await preflight("/api", "https://evil.example")).headers.has("access-control-allow-origin")).toBe(false);
    expect((await preflight("/mine", "https://app.example")).status).toBe(405);
    expect((await preflight("/mine", "https://two.example")).status).toBe(204);
    expect((await preflight("/any", "null")).status).toBe(204);
    const post = await fetch(`${gateway.url}/api`, { method: "POST", headers: { origin: "https://app.example" } });
    expect(post.status).toBe(200);
    expect(Object.fromEntries(post.headers)).toMatchObject({ "access-control-expose-headers": "x-total", vary: "accept, origin" });
    expect(post.headers.has("access-control-allow-credentials")).toBe(false);
    for (const path of ["/api", "/closed"]) {
      expect((await fetch(`${gateway.url}${path}`, { method: "POST", headers: { origin: "https://evil.example" } })).status).toBe(403);
    }
  });
});

describe("a route's bounds", () => {
  it("count requests by address, and end a route that does not begin to answer", async () => {
    await using gateway = await startGateway([
      route("few", { auth: "none", rate: 2 }, echo),
      route("mute", { auth: "none", timeoutMs: 100 }, async function* (_request, call) {
        yield* [];
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
        await new Promise(() => {});
      }),
    ]);
    const few = () => fetch(`${gateway.url}/few`);
    expect([(await few()).status, (await few()).status]).toEqual([200, 200]);
    const late = await few();
    expect(late.status).toBe(429);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    const mute = await fetch(`${gateway.url}/mute`);
    expect(mute.status).toBe(504);
    expect(await mute.json()).toMatchObject({ code: "PLINTH_DEADLINE" });
  });

  it("make a route that floods wait for its reader", async () => {
    const piece = "x".repeat(64 * 1024);
    const total = 128 * 1024 * 1024;
    let produced = 0;
    await using gateway = await startGateway([
      route("flood", {}, async function* () {
        yield { type: "head", status: 200 };
        for (; produced < total; produced += piece.length) yield { type: "text", text: piece };
      }),
    ]);
    const response = await gateway.get("/flood");
    let read = 0;
    let ahead = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      read += chunk.length;
      ahead = Math.max(ahead, produced - read);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(read).toBe(total);
    expect(ahead).toBeLessThan(24 * 1024 * 1024);
  });
});
