import { request } from "node:http";
import { PlinthError } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { raw, route, startGateway } from "./started-gateway.ts";

const ok = async function* (): AsyncGenerator<unknown> {
  yield { type: "head", status: 200, headers: { "content-type": "text/plain" } };
  yield { type: "text", text: "hello" };
};
const echo = async function* (request: unknown): AsyncGenerator<unknown> {
  yield { type: "head", status: 200, headers: { "content-type": "application/json" } };
  yield { type: "text", text: JSON.stringify(request) };
};

describe("the gateway over HTTP", () => {
  it("says that it is alive and ready without a token", async () => {
    await using gateway = await startGateway();
    const alive = await fetch(`${gateway.url}/healthz`);
    expect(alive.status).toBe(200);
    expect(await alive.json()).toMatchObject({ status: "alive", plinth: "0.0.0-test" });
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toEqual({ status: "ready" });
    expect((await fetch(`${gateway.url}/healthz`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${gateway.url}/healthz`, { method: "POST" })).status).toBe(405);
  });

  it("passes a request to its route, without the credentials", async () => {
    await using gateway = await startGateway([route("echo", { methods: ["POST"], path: "/echo/*" }, echo)]);
    const response = await gateway.get("/echo/a%20b%2Fc?x=1&x=2&__proto__=p", {
      method: "POST",
      body: "Grüße",
      headers: { cookie: "c=1", "x-mine": "yes" },
    });
    const seen = (await response.json()) as Record<string, any>;
    expect(seen).toMatchObject({ method: "POST", path: "/echo/a b/c", body: { type: "text", text: "Grüße" }, remote: "127.0.0.1" });
    expect(seen.target).toBe("/echo/a%20b%2Fc?x=1&x=2&__proto__=p");
    expect(seen.url).toBe(`${gateway.url}${seen.target}`);
    expect(seen.query).toEqual([
      ["x", "1"],
      ["x", "2"],
      ["__proto__", "p"],
    ]);
    expect(seen.headers["x-mine"]).toBe("yes");
    expect(seen.headers).not.toHaveProperty("authorization");
    expect(seen.headers).not.toHaveProperty("cookie");
  });

  it("gives a token's request the owner's identity and a public one none", async () => {
    const roles: string[] = [];
    const {
      host,
      get,
      url,
      [Symbol.asyncDispose]: close,
    } = await startGateway([
      route("mine", {}, async function* (_request, call) {
        roles.push(`${call.work.principal.role} ${call.work.principal.via}`);
        yield { type: "head", status: 204 };
      }),
      route("open", { auth: "none" }, async function* (_request, call) {
        roles.push(call.work.principal.role);
        yield { type: "head", status: 204 };
      }),
    ]);
    await get("/mine");
    await fetch(`${url}/open`);
    await get("/open");
    expect(roles).toEqual(["owner gateway-token", "guest", "guest"]);
    expect(host.log.filter(({ level }) => level === "error")).toEqual([]);
    await close();
  });

  it("refuses a missing, a wrong and a malformed token, and counts wrong ones", async () => {
    await using gateway = await startGateway([route("mine", {}, ok)], { limits: { failedTokens: 3 } });
    const tryToken = async (authorization?: string) =>
      (await fetch(`${gateway.url}/mine`, authorization === undefined ? {} : { headers: { authorization } })).status;
    expect(await tryToken()).toBe(401);
    expect(await tryToken("Basic eDp5")).toBe(401);
    for (let count = 0; count < 3; count += 1) expect(await tryToken(`Bearer wrong-${count}`)).toBe(401);
    const late = await fetch(`${gateway.url}/mine`, { headers: { authorization: `Bearer ${gateway.token}x` } });
    expect(late.status).toBe(429);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(late.headers.get("content-type")).toBe("application/problem+json");
    expect(await late.json()).toMatchObject({ code: "PLINTH_RATE_LIMITED", status: 429, next: expect.any(String) });
    expect(await tryToken(`Bearer ${gateway.token}`)).toBe(200);
  });

  it("answers with a problem for unknown paths and methods", async () => {
    await using gateway = await startGateway([route("a", { path: "/a" }, ok), route("a-post", { path: "/a", methods: ["POST"] }, ok)]);
    const missing = await gateway.get("/nothing");
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: "PLINTH_NOT_FOUND" });
    const wrong = await gateway.get("/a", { method: "DELETE" });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("GET, HEAD, POST");
  });

  it("maps a route's coded error to a status and keeps code, next step and owner", async () => {
    const failing = (code: string) =>
      route(code.toLowerCase().replaceAll("_", "-"), { path: `/${code}` }, async function* () {
        yield* [];
        throw new PlinthError(code, "No.", { extension: "demo.x", next: "Wait." });
      });
    const expected = {
      PLINTH_SESSION_BUSY: 409,
      PLINTH_QUARANTINED: 503,
      PLINTH_NOT_INSTALLED: 404,
      PLINTH_DEADLINE: 504,
      PLINTH_TOOL_INPUT: 400,
      PLINTH_ODD: 500,
    };
    await using gateway = await startGateway(Object.keys(expected).map(failing));
    for (const [code, status] of Object.entries(expected)) {
      const response = await gateway.get(`/${code}`);
      expect(response.status, code).toBe(status);
      expect(await response.json()).toMatchObject({ code, next: "Wait.", extension: "demo.x" });
    }
  });

  it("does not show the public what an extension threw without a code", async () => {
    await using gateway = await startGateway([
      route("open", { auth: "none" }, async function* () {
        yield* [];
        throw new Error("secret path /x/y");
      }),
    ]);
    const response = await fetch(`${gateway.url}/open`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret path");
  });

  it("streams chunks as they come, and tells the route when the client leaves", async () => {
    const left = Promise.withResolvers<void>();
    await using gateway = await startGateway([
      route("events", {}, async function* (_request, call) {
        yield { type: "head", status: 200, headers: { "content-type": "text/event-stream" } };
        yield { type: "text", text: "data: 1\n\n" };
        yield { type: "bytes", base64: Buffer.from("data: 2\n\n").toString("base64") };
        call.signal.addEventListener("abort", () => left.resolve());
        await left.promise;
      }),
    ]);
    const abort = new AbortController();
    const response = await gateway.get("/events", { signal: abort.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data: 2")) text += (await reader.read()).value;
    expect(text).toBe("data: 1\n\ndata: 2\n\n");
    abort.abort();
    await left.promise;
  });

  it("cuts the connection when a route fails in the middle of its body", async () => {
    await using gateway = await startGateway([
      route("half", {}, async function* () {
        yield { type: "head", status: 200 };
        yield { type: "text", text: "half of it" };
        throw new Error("broke");
      }),
    ]);
    await expect(gateway.get("/half").then((response) => response.text())).rejects.toThrow();
  });

  it("keeps large bodies out, declared or not, and lets a route ask for less", async () => {
    await using gateway = await startGateway([route("post", { methods: ["POST"] }, echo), route("tiny", { methods: ["POST"], bodyLimit: 4 }, echo)]);
    const big = "x".repeat(1024 * 1024 + 1);
    const declared = await gateway.get("/post", { method: "POST", body: big });
    expect(declared.status).toBe(413);
    expect(await declared.json()).toMatchObject({ code: "PLINTH_TOO_LARGE" });
    const streamed = await gateway.get("/post", {
      method: "POST",
      body: new Blob([big]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(streamed.status).toBe(413);
    expect((await gateway.get("/tiny", { method: "POST", body: "12345" })).status).toBe(413);
    expect((await gateway.get("/tiny", { method: "POST", body: "1234" })).status).toBe(200);
    expect((await gateway.get("/post", { method: "POST", body: new Uint8Array([0xff, 0xfe, 0xfd]) })).status).toBe(415);
    expect((await gateway.get("/post", { method: "POST", body: "x", headers: { "content-encoding": "gzip" } })).status).toBe(415);
  });

  it("answers only under names that it knows", async () => {
    await using gateway = await startGateway([route("open", { auth: "none" }, ok)], { names: ["plinth.test"] });
    const under = (host: string) =>
      new Promise<number>((resolve, reject) => {
        request(`${gateway.url}/open`, { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on("error", reject)
          .end();
      });
    for (const good of ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80", "PLINTH.test:99"]) expect(await under(good), good).toBe(200);
    for (const bad of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "plinth.test.", "a b", "127.0.0.1:80:80"]) {
      expect(await under(bad), bad).toBe(403);
    }
    expect(await raw(gateway.url, "GET /open HTTP/1.1\r\n\r\n")).toContain("400");
    expect(await raw(gateway.url, "GET /open HTTP/1.0\r\n\r\n")).toContain("403");
  });

  it("takes changes from its own pages only", async () => {
    await using gateway = await startGateway([route("post", { methods: ["POST"] }, ok), route("get", {}, ok)], {
      origins: ["https://plinth.example"],
    });
    const from = async (origin: string, method = "POST") =>
      (await gateway.get(method === "POST" ? "/post" : "/get", { method, headers: { origin } })).status;
    expect(await from(gateway.url)).toBe(200);
    expect(await from("https://plinth.example")).toBe(200);
    for (const bad of ["http://evil.example", "null", "http://127.0.0.1:1", "https://plinth.example.evil"]) expect(await from(bad), bad).toBe(403);
    expect(await from("http://evil.example", "GET")).toBe(200);
  });

  it("refuses paths that could mean two things", async () => {
    await using gateway = await startGateway([route("all", { path: "/*", auth: "none" }, echo)]);
    for (const path of ["/a/../b", "/a/%2e%2e/b", "/a/..%2fb", "/a%5cb", "/a%00b", "/%zz", "//evil", "/a/."]) {
      const answer = await raw(gateway.url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      expect(answer.split("\r\n")[0], path).toContain("400");
    }
    expect(await raw(gateway.url, "GET http://evil/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).toContain("400");
  });

  it("keeps framing, credentials and the security headers to itself", async () => {
    await using gateway = await startGateway([
      route("page", { auth: "none" }, async function* () {
        yield {
          type: "head",
          status: 200,
          headers: {
            "content-type": "text/html",
            "Set-Cookie": "a=b",
            "access-control-allow-origin": "*",
            "x-frame-options": "ALLOWALL",
            "content-security-policy": "default-src *",
            "x-good": "yes",
            "x-bad": "a\r\nx-injected: 1",
            "transfer-encoding": "gzip",
            "content-length": "1",
          },
        };
        yield { type: "text", text: "<p>hello</p>" };
      }),
    ]);
    const response = await fetch(`${gateway.url}/page`);
    expect(await response.text()).toBe("<p>hello</p>");
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      "x-good": "yes",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
    });
    for (const name of ["set-cookie", "access-control-allow-origin", "x-bad", "x-injected"]) expect(headers).not.toHaveProperty(name);
    // The extension is not bundled: its page gets an origin of its own, whatever policy it asks for.
    expect(headers["content-security-policy"]).toMatch(/^default-src \*, sandbox allow-scripts.*frame-ancestors 'none'$/);
  });

  it("drops clients that send their headers or their body too slowly", async () => {
    await using gateway = await startGateway([route("post", { methods: ["POST"], auth: "none" }, ok)], {
      limits: { headerMs: 200, bodyMs: 400 },
    });
    expect(await raw(gateway.url, "GET /post HTTP/1.1\r\nhost: localhost\r\nx-slow: ")).toContain("408");
    expect(await raw(gateway.url, "POST /post HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc")).toContain("408");
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  });

  it("survives rubbish", async () => {
    await using gateway = await startGateway();
    expect(await raw(gateway.url, "\x16\x03\x01 rubbish\r\n\r\n")).toContain("400");
    expect(await raw(gateway.url, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).toContain("431");
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  });

  it("reports a route that answers out of order", async () => {
    await using gateway = await startGateway([
      route("early", {}, async function* () {
        yield { type: "text", text: "x" };
      }),
      route("empty", {}, async function* () {
        yield* [];
      }),
    ]);
    for (const path of ["/early", "/empty"]) expect(await (await gateway.get(path)).json()).toMatchObject({ code: "PLINTH_PAYLOAD", status: 500 });
  });

  it("finds routes anew when a generation becomes ready", async () => {
    await using gateway = await startGateway([route("mine", {}, ok)]);
    expect((await gateway.get("/mine")).status).toBe(200);
    await gateway.host.fire("generation.ready", { generation: 2, added: [], removed: [] });
    expect((await gateway.get("/mine")).status).toBe(200);
    expect(gateway.host.faults).toEqual([]);
  });
});
