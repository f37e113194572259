import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { makeArchive } from "../hostile/package.ts";
import { type Client, cleanUp, connect, type Gateway, newHome, onCleanUp, startGateway } from "./lab.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const SLACK = "8f742231b10e8888abcd99yyyzzz85a5";
const discord = generateKeyPairSync("ed25519");
const DISCORD = Buffer.from(discord.publicKey.export({ format: "jwk" }).x as string, "base64url").toString("hex");
const MiB = 1024 * 1024;
const JOSE = fileURLToPath(import.meta.resolve("jose"));

const routeOf = (id: string, descriptor: object) => ({
  contract: "plinth.http-route",
  version: "1.0.0",
  id,
  descriptor: { path: `/hooks/${id}`, auth: "own", methods: ["POST"], summary: "For a test.", ...descriptor },
});

/** In each tier the same: webhooks, an upload that is counted, a conversation, and routes that mean no good. */
const COMMON = (tier: string): string => `
  ctx.provide("plinth.http-route", "slack-${tier}", { async *handle(request) {
    yield* json(await verifySlack(request, "${SLACK}", ctx.clock.now()) ? 200 : 401, { name: new URLSearchParams(textOf(request)).get("name") });
  } });
  ctx.provide("plinth.http-route", "discord-${tier}", { async *handle(request) {
    yield* json(await verifyDiscord(request, "${DISCORD}", ctx.clock.now()) ? 200 : 401, { type: 1 });
  } });
  ctx.provide("plinth.http-route", "count-${tier}", duplexRoute({ async *handle(request, body) {
    let bytes = 0;
    for await (const piece of body) bytes += piece.length;
    yield* json(200, { bytes, query: request.query, params: request.params, url: request.url });
  } }));
  ctx.provide("plinth.http-route", "talk-${tier}", duplexRoute({ async *socket(request, messages) {
    if (request.headers.authorization !== "Bearer let-me-in") return void (yield { type: "refuse", status: 403 });
    yield { type: "open" };
    for await (const message of messages) yield message;
  } }));
  ctx.provide("plinth.http-route", "bad-${tier}", {
    async *handle({ params: { how } }, call) {
      if (how === "deaf") await new Promise(() => {});
      yield { type: "head", status: 200, headers: { "set-cookie": ["a=1; Domain=evil.example"], "content-length": "3", "transfer-encoding": "chunked", "access-control-allow-origin": "*", "x-split": "a\\r\\nx-more: b", "x-many": ["1", "2"], "strict-transport-security": "max-age=1", "content-security-policy": "default-src *" } };
      if (how === "flood") for (let n = 0; n < 128; n += 1) yield { type: "text", text: "x".repeat(65536) };
      else yield { type: "text", text: "fine" };
    },
    async *socket() { yield { type: "open" }; await new Promise(() => {}); },
    receive: () => new Promise(() => {}),
  });`;
const provided = (tier: string) => [
  routeOf(`slack-${tier}`, { body: "bytes" }),
  routeOf(`discord-${tier}`, { body: "bytes" }),
  routeOf(`count-${tier}`, { path: `/up-${tier}/{name}`, methods: ["PUT"], body: "stream", bodyLimit: 64 * MiB, inflate: 8 * MiB }),
  routeOf(`talk-${tier}`, { methods: undefined, websocket: {} }),
  routeOf(`bad-${tier}`, { path: `/bad-${tier}/{how}`, methods: ["GET", "PUT"], body: "stream", auth: "none", timeoutMs: 2_000, websocket: {} }),
];
const TOP = `import { duplexRoute, json, textOf, verifyDiscord, verifySlack } from "@plinth/sdk/kits/http";`;

let home: string;
let gateway: Gateway;
let client: Client;
let issuer: { url: string; sign(claims: object, expires?: string): Promise<string> };

beforeAll(async () => {
  home = await newHome();
  issuer = await keyServer();
  await writeFile(
    join(home, "plinth.json"),
    JSON.stringify({ extensions: { "plinth.gateway": { config: { publicUrl: "https://bot.example", limits: { drainMs: 600_000 } } } } }),
  );
  gateway = await startGateway(home);
  client = await connect(gateway);
  await install("isolate", COMMON("isolate"), {});
  // A library of others, as it is on npm: the keys come from the issuer's server, over the network that is granted.
  const teams = `
    const keys = createRemoteJWKSet(new URL("${issuer.url}/keys"), { [customFetch]: async (url, { headers }) => {
      const answer = await ctx.fetch(String(url), { headers: Object.fromEntries(new Headers(headers)) });
      return new Response(await answer.text(), { status: answer.status });
    } });
    ctx.provide("plinth.http-route", "teams", { async *handle(request) {
      try {
        const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
        const { payload } = await jwtVerify(token, keys, { issuer: "https://api.botframework.com", audience: "my-bot" });
        yield* json(200, { from: payload.serviceurl, activity: JSON.parse(textOf(request)).type });
      } catch (thrown) { yield* json(401, { code: thrown.code }); }
    } });
    ctx.provide("plinth.http-route", "photo", { async *handle({ headers, body }) {
      const form = await new Response(bytesOf(body), { headers: { "content-type": headers["content-type"] } }).formData();
      const file = form.get("photo");
      const digest = Buffer.from(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())).toString("hex");
      yield* json(200, { name: file.name, size: file.size, digest });
    } });`;
  await install("process", `${COMMON("process")}${teams}`, {
    top: `import { createRemoteJWKSet, customFetch, jwtVerify } from ${JSON.stringify(JOSE)}; import { bytesOf } from "@plinth/sdk/kits/http";`,
    provides: [routeOf("teams", {}), routeOf("photo", { body: "bytes", bodyLimit: 2 * MiB })],
    permissions: { net: ["loopback"] },
  });
});
afterAll(cleanUp);

async function install(
  tier: "isolate" | "process",
  activate: string,
  more: { top?: string; provides?: object[]; permissions?: object },
): Promise<void> {
  const provides = [
    { contract: "plinth.tool", version: "1.0.0", id: `t-${tier}`, descriptor: { description: "x", input: { type: "object" }, effects: [] } },
    ...provided(tier),
    ...(more.provides ?? []),
  ];
  const manifest = { provides, ...(more.permissions === undefined ? {} : { permissions: more.permissions }) } as object;
  const parts = { manifest, top: `${TOP}\n${more.top ?? ""}`, activate };
  const archive = await makeArchive(home, parts as never, { id: `acme.${tier}`, tool: `t-${tier}`, tier });
  const { code } = await client.request("plugins.install", { spec: archive });
  await client.request("plugins.confirm", { code });
}

/** Signs tokens as an identity service does, and serves its public keys. */
async function keyServer(): Promise<typeof issuer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" };
  const server = createServer(
    (_request, response) => void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [jwk] })),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onCleanUp(() => server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sign: (claims, expires = "5m") =>
      new SignJWT(claims as Record<string, unknown>)
        .setProtectedHeader({ alg: "RS256", kid: "one" })
        .setIssuer("https://api.botframework.com")
        .setAudience("my-bot")
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(privateKey),
  };
}

const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) => fetch(gateway.url + path, { method: "POST", body, headers });
const now = (): string => String(Math.floor(Date.now() / 1_000));

describe.each(["isolate", "process"] as const)("routes of an extension in the %s tier", (tier) => {
  it("check Slack's signature over the bytes that came", async () => {
    const body = "token=x&name=Gr%C3%BC%C3%9Fe&text=a+b";
    const time = now();
    const signature = `v0=${createHmac("sha256", SLACK).update(`v0:${time}:${body}`).digest("hex")}`;
    const headers = { "x-slack-request-timestamp": time, "x-slack-signature": signature, "content-type": "application/x-www-form-urlencoded" };
    const good = await post(`/hooks/slack-${tier}`, body, headers);
    expect([good.status, await good.json()]).toEqual([200, { name: "Grüße" }]);
    expect((await post(`/hooks/slack-${tier}`, `${body}&x=1`, headers)).status).toBe(401);
  });

  it("check Discord's signature", async () => {
    const body = JSON.stringify({ type: 1, user: "Grüße" });
    const time = now();
    const signature = sign(null, Buffer.from(time + body), discord.privateKey).toString("hex");
    const headers = { "x-signature-timestamp": time, "x-signature-ed25519": signature, "content-type": "application/json" };
    const good = await post(`/hooks/discord-${tier}`, body, headers);
    expect([good.status, await good.json()]).toEqual([200, { type: 1 }]);
    expect((await post(`/hooks/discord-${tier}`, body.replace("ü", "u"), headers)).status).toBe(401);
  });

  it("take an upload piece by piece, with repeated keys and the address as it was sent", async () => {
    const body = new Blob([new Uint8Array(4 * MiB)]).stream();
    const response = await fetch(`${gateway.url}/up-${tier}/a%20b?k=1&k=2`, { method: "PUT", body, duplex: "half" } as RequestInit);
    expect(await response.json()).toEqual({
      bytes: 4 * MiB,
      query: [
        ["k", "1"],
        ["k", "2"],
      ],
      params: { name: "a b" },
      url: `https://bot.example/up-${tier}/a%20b?k=1&k=2`,
    });
  });

  it("hold a conversation over a WebSocket", async () => {
    const address = `${gateway.url.replace("http", "ws")}/hooks/talk-${tier}`;
    const socket = new WebSocket(address, { headers: { authorization: "Bearer let-me-in" } });
    await once(socket, "open");
    socket.send("Grüße");
    expect(String((await once(socket, "message"))[0])).toBe("Grüße");
    socket.send(Buffer.alloc(60_000, 7));
    expect((await once(socket, "message"))[0]).toEqual(Buffer.alloc(60_000, 7));
    socket.close(1000);
    expect((await once(socket, "close"))[0]).toBe(1000);
    const stranger = new WebSocket(address, { headers: { authorization: `Bearer ${gateway.token}` } });
    stranger.on("error", () => {});
    const [, response] = await once(stranger, "unexpected-response");
    expect(response.statusCode).toBe(403);
    stranger.terminate();
  });

  it("get nowhere with forbidden headers, floods, silence, and deafness", async () => {
    const headed = await fetch(`${gateway.url}/bad-${tier}/headers`);
    expect(await headed.text()).toBe("fine");
    const headers = Object.fromEntries(headed.headers);
    for (const name of ["set-cookie", "access-control-allow-origin", "x-split", "x-more", "strict-transport-security"])
      expect(headers).not.toHaveProperty(name);
    expect(headers["x-many"]).toBe("1, 2");
    expect(headers["content-security-policy"]).toContain("sandbox");
    // Reads the head and then nothing for as long as the others go on: the flood stands still.
    const flood = await fetch(`${gateway.url}/bad-${tier}/flood`);
    expect((await fetch(`${gateway.url}/bad-${tier}/deaf`)).status).toBe(504);
    expect((await fetch(`${gateway.url}/bad-${tier}/deaf`, { method: "PUT", body: new Uint8Array(MiB) })).status).toBe(504);
    const { extensions } = await client.request("status");
    expect(extensions.find(({ id }: { id: string }) => id === `acme.${tier}`)).toBeDefined();
    expect((await flood.text()).length).toBe(8 * MiB);
  });
});

describe("routes in the process tier", () => {
  it("check the bearer token of Teams with the issuer's keys, and never see the gateway's", async () => {
    const activity = JSON.stringify({ type: "message", text: "hi" });
    const ask = async (token: string) => {
      const response = await post("/hooks/teams", activity, { authorization: `Bearer ${token}`, "content-type": "application/json" });
      return [response.status, await response.json()];
    };
    const good = await issuer.sign({ serviceurl: "https://smba.example" });
    expect(await ask(good)).toEqual([200, { from: "https://smba.example", activity: "message" }]);
    expect(await ask(await issuer.sign({}, "1 minute ago"))).toEqual([401, { code: "ERR_JWT_EXPIRED" }]);
    const other = await generateKeyPair("RS256");
    const forged = await new SignJWT({})
      .setProtectedHeader({ alg: "RS256", kid: "one" })
      .setIssuer("https://api.botframework.com")
      .setAudience("my-bot")
      .setExpirationTime("5m")
      .sign(other.privateKey);
    expect(await ask(forged)).toEqual([401, { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" }]);
    // Not a token at all for the route: the header was left out.
    expect(await ask(gateway.token)).toEqual([401, { code: "ERR_JWS_INVALID" }]);
  });

  it("take an image in a form", async () => {
    const image = Uint8Array.from({ length: MiB }, (_, at) => (at * 131) % 256);
    const form = new FormData();
    form.set("photo", new File([image], "cat.png", { type: "image/png" }));
    const response = await fetch(`${gateway.url}/hooks/photo`, { method: "POST", body: form });
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", image)).toString("hex");
    expect(await response.json()).toEqual({ name: "cat.png", size: MiB, digest });
  });
});

describe("the end of a gateway with a page open", () => {
  it("comes at once: the page's watch and its connection are closed as they should be", async () => {
    // It would wait ten minutes for a watch.
    const order: string[] = [];
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/ws`, { headers: { authorization: `Bearer ${gateway.token}` } });
    await once(socket, "open");
    const watched = Promise.withResolvers<void>();
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      if (frame.type === "event") watched.resolve();
      order.push(frame.type === "notice" ? frame.code : `${frame.type} ${frame.error?.code ?? ""}`.trim());
    });
    socket.on("close", (code) => order.push(`close ${code}`));
    socket.send(JSON.stringify({ type: "req", id: "w", method: "approvals.watch", params: {} }));
    await watched.promise;
    await gateway.stop();
    expect(order).toEqual(["event", "PLINTH_STOPPING", "res PLINTH_STOPPING", "close 1001"]);
  });
});
