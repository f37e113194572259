import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { errorInfo } from "@plinth/sdk";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { openAuthority, openProxy, openSecureSite } from "./company.testing.ts";
import { afterwards, cleanUp, connect, openHost, read, serve, serveSockets } from "./lab.testing.ts";

afterEach(cleanUp);

const hello = () => serve((_request, response) => response.end("hello"));
const at = ({ host, port }: { host: string; port: number }, scheme = "http", user = "") => `${scheme}://${user}${host}:${port}`;

describe("a request", () => {
  it("goes to a name that only the proxy knows, with what the proxy wants to know for the proxy alone", async () => {
    const site = await hello();
    const proxy = await openProxy({ port: site.port, credentials: "ann:p@ss word" });
    const host = await openHost({ env: { HTTP_PROXY: at(proxy, "http", "ann:p%40ss%20word@") } });
    const headers = { "proxy-authorization": "Basic mine", "x-own": "1" };
    const answer = await read(host, ["models.internal.test"], "http://models.internal.test/v1?q=1#part", { headers });
    expect(answer).toMatchObject({ status: 200, body: "hello" });
    expect(proxy.seen.map(({ what }) => what)).toEqual(["GET http://models.internal.test/v1?q=1"]);
    expect(site.seen[0]).toMatchObject({ url: "/v1?q=1", headers: { host: "models.internal.test", "x-own": "1" } });
    expect(site.seen[0]?.headers).not.toHaveProperty("proxy-authorization");
  });

  it("with https goes in a tunnel that is kept for the next one, to a server of the company's own authority", async () => {
    const company = openAuthority();
    const site = await openSecureSite(company.issue("DNS:api.internal.test"));
    const proxy = await openProxy({ port: site.port });
    const host = await openHost({ env: { https_proxy: at(proxy) }, config: { authorities: [company.file] } });
    for (const path of ["/one", "/two"])
      expect(await read(host, ["api.internal.test"], `https://api.internal.test${path}`)).toMatchObject({ body: `${path} of api.internal.test` });
    expect(proxy.seen.map(({ what }) => what)).toEqual(["CONNECT api.internal.test:443"]);
    // The certificate is held to the name that was asked for.
    await expect(read(host, ["other.internal.test"], "https://other.internal.test/")).rejects.toMatchObject({
      code: "PLINTH_NET",
      message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID"),
    });
  });

  it("goes through a proxy that speaks TLS itself, under the proxy's own name", async () => {
    const company = openAuthority();
    const [site, plain] = [await openSecureSite(company.issue("DNS:api.internal.test")), await hello()];
    const tls = company.issue("IP:127.0.0.1");
    const [secure, open] = [await openProxy({ port: site.port, tls }), await openProxy({ port: plain.port, tls })];
    const env = { HTTPS_PROXY: at(secure, "https"), HTTP_PROXY: at(open, "https"), SSL_CERT_FILE: company.file };
    const host = await openHost({ env });
    expect(await read(host, ["*"], "https://api.internal.test/x")).toMatchObject({ body: "/x of api.internal.test" });
    expect(await read(host, ["*"], "http://plain.internal.test/")).toMatchObject({ body: "hello" });
    expect([secure, open].map(({ seen }) => seen.length)).toEqual([1, 1]);
  });

  it("that is redirected to a host that was not granted does not ask the proxy for it", async () => {
    const site = await serve((_request, response) => void response.writeHead(302, { location: "http://elsewhere.test/" }).end());
    const proxy = await openProxy({ port: site.port });
    const host = await openHost({ config: { proxy: at(proxy) } });
    await expect(read(host, ["models.internal.test"], "http://models.internal.test/")).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(proxy.seen).toHaveLength(1);
  });
});

describe("what was not granted", () => {
  it.each([
    ["a name", ["models.internal.test"], "http://other.internal.test/"],
    ["a private address", ["*"], "http://10.0.0.5/"],
    ["a metadata address", ["*"], "http://169.254.169.254/latest"],
    ["a private address of IPv6", ["*"], "https://[fd00::5]/"],
  ])("is refused before the proxy hears of it: %s", async (_what, hosts, url) => {
    const proxy = await openProxy();
    const host = await openHost({ config: { proxy: at(proxy) } });
    await expect(read(host, hosts, url)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(proxy.connections()).toBe(0);
  });

  it("by name, but by its address, goes through", async () => {
    const site = await hello();
    const proxy = await openProxy({ port: site.port });
    const host = await openHost({ config: { proxy: at(proxy) } });
    expect(await read(host, ["10.0.0.5:8080"], "http://10.0.0.5:8080/")).toMatchObject({ body: "hello" });
  });

  it("this machine is reached directly, however the variables are set", async () => {
    const site = await hello();
    const proxy = await openProxy({ port: site.port });
    const host = await openHost({ env: { ALL_PROXY: at(proxy), HTTP_PROXY: at(proxy) } });
    for (const name of ["127.0.0.1", "localhost"])
      expect(await read(host, ["loopback"], `http://${name}:${site.port}/`)).toMatchObject({ body: "hello" });
    await expect(read(host, ["*"], site.url)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(proxy.connections()).toBe(0);
  });

  it("what is exempt goes directly, where its address is checked as ever", async () => {
    const proxy = await openProxy();
    const host = await openHost({ env: { HTTP_PROXY: at(proxy), NO_PROXY: "10.0.0.0/8" }, config: { noProxy: ["localtest.invalid"] } });
    await expect(read(host, ["*"], "http://10.0.0.5/")).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(read(host, ["*"], "http://a.localtest.invalid/")).rejects.toMatchObject({ code: "PLINTH_NET" });
    expect(proxy.connections()).toBe(0);
  });
});

describe("a proxy that does not go there", () => {
  const cases = [
    ["wants a user", { credentials: "ann:secret-word" }, "", "PLINTH_PROXY", /wants a user and a password \(407\)/, /user:password@/],
    ["does not know the user", { credentials: "ann:other" }, "ann:secret-word@", "PLINTH_PROXY", /does not accept .*\(407\)/, /user:password@/],
    ["does not speak Basic", { refuse: { status: 407, headers: { "proxy-authenticate": "Negotiate" } } }, "", "PLINTH_PROXY", /407/, /Negotiate/],
    [
      "forbids it",
      { refuse: { status: 403, headers: { "proxy-status": "company; error=http_request_denied" } } },
      "",
      "PLINTH_PROXY",
      /\(403\)/,
      /NO_PROXY/,
    ],
    [
      "does not find it",
      { refuse: { status: 502, headers: { "x-squid-error": "ERR_DNS_FAIL 0" } } },
      "ann:secret-word@",
      "PLINTH_NET",
      /\(502\)/,
      /NO_PROXY/,
    ],
  ] as const;

  it.each(cases)("%s", async (_why, options, user, code, message, next) => {
    const proxy = await openProxy(options);
    const host = await openHost({ env: { ALL_PROXY: at(proxy, "http", user) } });
    const hosts = ["*"];
    for (const attempt of [
      () => read(host, hosts, "http://api.internal.test/"),
      () => read(host, hosts, "https://api.internal.test/"),
      () => connect(host, hosts, "ws://api.internal.test/"),
      () => connect(host, hosts, "wss://api.internal.test/"),
    ]) {
      const thrown = await attempt().then(
        () => undefined,
        (error: unknown) => error,
      );
      const info = errorInfo(thrown);
      expect(info).toMatchObject({ code, message: expect.stringMatching(message), next: expect.stringMatching(next) });
      expect(info.message).toContain(`http://${proxy.host}:${proxy.port}`);
      expect(JSON.stringify([info, host.log, String((thrown as Error).stack)])).not.toMatch(/secret-word|c2VjcmV0LXdvcmQ|YW5uOn/);
    }
    // A tunnel to the proxy would be kept for nothing.
    expect(proxy.seen).toHaveLength(4);
  });

  it("is not told apart from the server's own failure where it does not say so", async () => {
    const site = await serve((_request, response) => void response.writeHead(502).end("the server's words"));
    const proxy = await openProxy({ port: site.port });
    const host = await openHost({ config: { proxy: at(proxy) } });
    expect(await read(host, ["*"], "http://api.internal.test/")).toMatchObject({ status: 502, body: "the server's words" });
  });

  it("is not there", async () => {
    const proxy = await openProxy();
    await cleanUp();
    const host = await openHost({ config: { proxy: at(proxy) } });
    for (const url of ["http://api.internal.test/", "https://api.internal.test/"])
      await expect(read(host, ["*"], url)).rejects.toMatchObject({
        code: "PLINTH_NET",
        message: expect.stringMatching(`The proxy http://127.0.0.1:${proxy.port} cannot be reached .*ECONNREFUSED`),
      });
  });

  it("is asked no longer than the request may take", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    afterwards(() => silent.close());
    const host = await openHost({ config: { proxy: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` } });
    const gone = once(silent, "connection").then(([socket]) => once((socket as Socket).resume(), "close"));
    await expect(read(host, ["*"], "https://api.internal.test/", { timeoutMs: 50 })).rejects.toMatchObject({ code: "PLINTH_NET" });
    await gone;
  });
});

describe("a WebSocket", () => {
  it("goes in a tunnel, with TLS and without", async () => {
    const company = openAuthority();
    const plain = await serveSockets((socket) => socket.send("plain"));
    const secure = await openSecureSite(company.issue("DNS:feed.internal.test"));
    new WebSocketServer({ server: secure.server }).on("connection", (socket) => socket.send("secure"));
    const [first, second] = [await openProxy({ port: plain.port }), await openProxy({ port: secure.port, credentials: "ann:word" })];
    const env = { HTTP_PROXY: at(first), HTTPS_PROXY: at(second, "http", "ann:word@") };
    const host = await openHost({ env, config: { authorities: [company.file] } });
    for (const [url, text, proxy, authority] of [
      ["ws://feed.internal.test/a", "plain", first, "feed.internal.test:80"],
      ["wss://feed.internal.test/a", "secure", second, "feed.internal.test:443"],
    ] as const) {
      const socket = await connect(host, ["ws://feed.internal.test", "wss://feed.internal.test"], url);
      expect(await socket.next()).toEqual({ text });
      await socket.close();
      expect(proxy.seen.map(({ what }) => what)).toEqual([`CONNECT ${authority}`]);
    }
  });
});

describe("a program", () => {
  it("finds its way through both proxies, within what was granted", async () => {
    const company = openAuthority();
    const [site, secure] = [await hello(), await openSecureSite(company.issue("DNS:api.internal.test"))];
    const [plainProxy, tunnels] = [await openProxy({ port: site.port }), await openProxy({ port: secure.port, credentials: "ann:word" })];
    const host = await openHost({ env: { HTTP_PROXY: at(plainProxy), HTTPS_PROXY: at(tunnels, "http", "ann:word@") } });
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const ending = new AbortController();
    afterwards(() => ending.abort());
    const input = { extension: "acme.client", hosts: ["api.internal.test"], listener, password: "own" };
    const told: { what: string; refused?: unknown }[] = [];
    const reading = (async () => {
      for await (const { reached } of host.use("plinth.egress").one().proxy(input, { signal: ending.signal })) told.push(reached);
    })().catch(() => {});
    const { port } = listener.address() as AddressInfo;
    const headers = { "proxy-authorization": `Basic ${Buffer.from("plinth:own").toString("base64")}` };
    const ask = (path: string) => request({ host: "127.0.0.1", port, path, headers: { ...headers, host: "api.internal.test" }, agent: false }).end();

    const [answer] = await once(ask("http://api.internal.test/a"), "response");
    expect((await answer.toArray()).join("")).toBe("hello");
    expect(site.seen[0]?.headers).not.toHaveProperty("proxy-authorization");

    const tunnel = (path: string) => once(request({ host: "127.0.0.1", port, method: "CONNECT", path, headers, agent: false }).end(), "connect");
    const [, socket] = (await tunnel("api.internal.test:443")) as [unknown, Socket];
    const { readFile } = await import("node:fs/promises");
    const inside = connectSecurely({ socket, servername: "api.internal.test", ca: await readFile(company.file) });
    inside.write("GET /in HTTP/1.1\r\nHost: api.internal.test\r\nConnection: close\r\n\r\n");
    expect(String(Buffer.concat(await inside.toArray()))).toContain("/in of api.internal.test");

    const [refused] = await tunnel("other.internal.test:443");
    expect(refused.statusCode).toBe(403);
    expect([plainProxy, tunnels].map(({ seen }) => seen.map(({ what }) => what))).toEqual([
      ["GET http://api.internal.test/a"],
      ["CONNECT api.internal.test:443"],
    ]);
    await vi.waitFor(() => expect(told.filter(({ refused }) => refused !== undefined)).toHaveLength(1));
    ending.abort();
    await reading;
  });
});
