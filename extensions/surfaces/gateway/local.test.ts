import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { join } from "node:path";
import { commandProof, digestOf, GatewayLink, gatewayProof, homeIdentity, LocalSocket, type Running } from "@plinth/sdk/home";
import { afterEach, describe, expect, it } from "vitest";
import { route, type StartedGateway, startGateway } from "./started-gateway.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
});

const echo = route("echo", { methods: ["POST"] }, async function* ({ body }, { work }) {
  yield { type: "head", status: 200 };
  yield { type: "text", text: `${work.principal.role} ${body.text}` };
});
const socketOf = ({ dir }: StartedGateway): string => join(dir, "gateway.sock");
const runningOf = async ({ dir }: StartedGateway): Promise<Running> => JSON.parse(await readFile(join(dir, "running.json"), "utf8"));
const change = async (gateway: StartedGateway, more: object): Promise<void> =>
  writeFile(join(gateway.dir, "running.json"), JSON.stringify({ ...(await runningOf(gateway)), ...more }), { mode: 0o600 });

async function say(link: GatewayLink, body: string): Promise<string> {
  let text = "";
  for await (const chunk of await link.send("POST", "/echo", body)) text += chunk;
  return text;
}

/** Sends raw bytes and gives the status of the answer. */
function statusOf(
  to: { socketPath: string } | { port: number; host: string },
  headers: Record<string, string>,
  target = "/echo",
  body = "",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ ...to, method: "POST", path: target, headers: { host: "localhost", ...headers }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** Whoever has the port now: says nothing by itself, and remembers every byte. */
async function foreigner(answer: string | null): Promise<{ port: number; heard(): string }> {
  let heard = "";
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heard += bytes;
      if (answer !== null) socket.end(answer);
    });
  });
  await listen(server);
  return { port: (server.address() as AddressInfo).port, heard: () => heard };
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
}

describe("a command on this machine", () => {
  it("reaches the gateway over a socket for its user alone, without ever saying the token", async () => {
    await using gateway = await startGateway([echo]);
    const { mode } = await stat(socketOf(gateway));
    expect((mode & 0o777).toString(8)).toBe("600");
    expect(((await stat(gateway.dir)).mode & 0o777).toString(8)).toBe("700");
    await change(gateway, { url: "http://127.0.0.1:9" });
    using link = (await GatewayLink.find(gateway.host.home)) as GatewayLink;
    expect(await say(link, "Grüße")).toBe("owner Grüße");
    expect(JSON.stringify(await link.credentials("POST", "/echo", "x"))).not.toContain(gateway.token);
  });

  it("works where the path of the home is longer than an address of a socket", async () => {
    await using gateway = await startGateway([echo]);
    const long = join(gateway.host.home, "x".repeat(120), "state", "plinth.gateway");
    await mkdir(long, { recursive: true, mode: 0o700 });
    using socket = LocalSocket.in(long)!;
    const server = createTcpServer().listen({ path: socket.address });
    undo.push(() => server.close());
    await expect.poll(() => socket.isSound || socket.restrict()).toBe(true);
    expect((await stat(join(long, "gateway.sock"))).isSocket()).toBe(true);
  });

  it.each([
    ["is gone", (path: string) => rm(path)],
    ["is a link to another one", (path: string) => rename(path, `${path}.moved`).then(() => symlink(`${path}.moved`, path))],
    ["is a file", (path: string) => rm(path).then(() => writeFile(path, "", { mode: 0o600 }))],
    ["is a pipe that nobody reads", (path: string) => rm(path).then(() => void execFileSync("mkfifo", ["-m", "600", path]))],
    ["may be used by others", (path: string) => chmod(path, 0o666)],
    ["lies in a folder that others can read", (path: string) => chmod(join(path, ".."), 0o755)],
  ])("asks at the port when the socket %s, and still says no token", async (_what, spoil) => {
    await using gateway = await startGateway([echo]);
    await spoil(socketOf(gateway));
    using link = (await GatewayLink.find(gateway.host.home)) as GatewayLink;
    expect(await say(link, "hello")).toBe("owner hello");
    const { authorization } = await link.credentials("POST", "/echo", "x");
    expect(authorization).toMatch(/^Plinth /);
    expect(authorization).not.toContain(gateway.token);
  });

  it.each<[string, string | null, string | null]>([
    ["hangs", null, "PLINTH_GATEWAY_SILENT"],
    ["answers 200", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "PLINTH_GATEWAY_UNPROVEN"],
    ["answers 404", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "PLINTH_GATEWAY_UNPROVEN"],
    ["answers 401", "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\ncontent-length: 0\r\n\r\n", "PLINTH_GATEWAY_UNPROVEN"],
    ["sends it elsewhere", "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", "PLINTH_GATEWAY_UNPROVEN"],
    ["breaks off in the middle", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", "PLINTH_GATEWAY_UNPROVEN"],
    ["speaks no HTTP", "220 mail.example ESMTP\r\n", "PLINTH_GATEWAY_UNPROVEN"],
    ["speaks without end", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(100_000)}`, "PLINTH_GATEWAY_UNPROVEN"],
  ])("gives what %s at the port of its gateway no secret, and says so within its patience", async (_what, answer, code) => {
    await using gateway = await startGateway();
    await rm(socketOf(gateway));
    const other = await foreigner(answer);
    await change(gateway, { url: `http://127.0.0.1:${other.port}` });
    await expect(GatewayLink.find(gateway.host.home, 300)).rejects.toMatchObject({ code, next: expect.any(String) });
    const { token } = gateway;
    expect(other.heard()).toMatch(
      /^GET \/api\/hello HTTP\/1\.1\r\nhost: localhost\r\nx-plinth-nonce: [A-Za-z0-9_-]{32}\r\nConnection: close\r\n\r\n$/,
    );
    expect(other.heard()).not.toContain(token);
    await change(gateway, { url: gateway.url });
  });

  it("does not even ask at the port of a gateway whose process has ended, whoever has its id now", async () => {
    await using gateway = await startGateway();
    await rm(socketOf(gateway));
    const other = await foreigner(null);
    const before = await runningOf(gateway);
    const [boot = "", tick] = (before.process ?? ":").split(":");
    for (const process_ of [`${boot}:${Number(tick) + 1}`, `${"0".repeat(8)}${boot.slice(8)}:${tick}`]) {
      await change(gateway, { url: `http://127.0.0.1:${other.port}`, process: process_ });
      expect(await GatewayLink.find(gateway.host.home, 300)).toBeNull();
    }
    expect(other.heard()).toBe("");
    await change(gateway, before);
  });

  it("is not the gateway's whose announcement was copied from another home", async () => {
    await using gateway = await startGateway();
    await using copy = await startGateway();
    const own = await runningOf(copy);
    const original = await runningOf(gateway);
    await writeFile(join(copy.dir, "running.json"), JSON.stringify(original), { mode: 0o600 });
    expect(await GatewayLink.find(copy.host.home)).toBeNull();
    // Nor when the announcement is made to name the copy: what the gateway proves is which home it serves.
    await change(copy, { ...original, home: homeIdentity(copy.host.home), socket: false });
    await expect(GatewayLink.find(copy.host.home)).rejects.toMatchObject({ code: "PLINTH_GATEWAY_UNPROVEN" });
    await change(copy, own);
  });

  it.each([
    ["that others can write", 0o666, {}],
    ["without an instance", 0o600, { instance: undefined }],
    ["of no process", 0o600, { pid: -1 }],
    ["without a home", 0o600, { home: undefined }],
  ])("believes no announcement %s", async (_what, mode, more) => {
    await using gateway = await startGateway();
    const before = await runningOf(gateway);
    await change(gateway, more);
    await chmod(join(gateway.dir, "running.json"), mode);
    expect(await GatewayLink.find(gateway.host.home)).toBeNull();
    await change(gateway, before);
    await chmod(join(gateway.dir, "running.json"), 0o600);
  });
});

it("what lies in the place of the socket is removed at the start, except a folder, which is named", async () => {
  const gateway = await startGateway();
  const service = gateway.host.use("plinth.service").get("gateway");
  await service.stop({});
  await writeFile(join(gateway.dir, "kept"), "kept");
  await symlink(join(gateway.dir, "kept"), socketOf(gateway));
  await service.start({});
  expect((await stat(socketOf(gateway))).isSocket()).toBe(true);
  expect(await readFile(join(gateway.dir, "kept"), "utf8")).toBe("kept");
  await service.stop({});
  await mkdir(socketOf(gateway));
  await expect(service.start({})).rejects.toMatchObject({ code: "PLINTH_LISTEN_FAILED", message: expect.stringContaining(socketOf(gateway)) });
  await expect(stat(join(gateway.dir, "running.json"))).rejects.toMatchObject({ code: "ENOENT" });
  await gateway.host.close();
});

it("an announcement that is a pipe keeps nobody waiting", async () => {
  await using gateway = await startGateway();
  const file = join(gateway.dir, "running.json");
  await rm(file);
  execFileSync("mkfifo", ["-m", "600", file]);
  expect(await GatewayLink.find(gateway.host.home)).toBeNull();
});

describe("a proof", () => {
  /** As a program of this machine makes one that knows everything, and changes one thing. */
  async function prove(
    gateway: StartedGateway,
    more: Partial<Record<"token" | "instance" | "home" | "way" | "method" | "target" | "body", string>> = {},
  ) {
    const running = await runningOf(gateway);
    const asked = "a".repeat(32);
    const hello = await fetch(`${gateway.url}/api/hello`, { headers: { "x-plinth-nonce": asked } });
    const { nonce, proof } = (await hello.json()) as { nonce: string; proof: string };
    const way = `port ${new URL(gateway.url).port}`;
    expect(proof).toBe(gatewayProof(running.token, { ...running, way }, asked, nonce));
    const parties = { instance: running.instance, home: running.home, way, ...more };
    const wanted = { method: "POST", target: "/echo", body: digestOf("x"), ...more };
    const credential = `${nonce}.${commandProof(more.token ?? running.token, parties, nonce, wanted)}`;
    return { authorization: `Plinth ${credential}`, "x-plinth-body": digestOf("x") };
  }
  const port = ({ url }: StartedGateway) => ({ host: "127.0.0.1", port: Number(new URL(url).port) });

  it("is taken once, for just the request that it was made for", async () => {
    await using gateway = await startGateway([echo]);
    const good = await prove(gateway);
    expect(await statusOf(port(gateway), good, "/echo", "x")).toBe(200);
    expect(await statusOf(port(gateway), good, "/echo", "x")).toBe(401);
    expect(await statusOf(port(gateway), await prove(gateway), "/echo?more=1", "x")).toBe(401);
    expect(await statusOf(port(gateway), await prove(gateway), "/echo", "y")).toBe(400);
    expect(await statusOf(port(gateway), { ...(await prove(gateway)), "x-plinth-body": digestOf("y") }, "/echo", "y")).toBe(401);
  });

  it.each([
    ["another token", { token: "other" }],
    ["another instance", { instance: "other" }],
    ["another home", { home: "1:2:/other" }],
    ["another port, such as one that passes everything on", { way: "port 1" }],
    ["the socket", { way: "socket" }],
    ["another method", { method: "GET" }],
  ])("with %s is refused", async (_what, more) => {
    await using gateway = await startGateway([echo]);
    expect(await statusOf(port(gateway), await prove(gateway, more), "/echo", "x")).toBe(401);
  });

  it("with a number that this gateway never gave out is refused", async () => {
    await using gateway = await startGateway([echo]);
    await using other = await startGateway();
    const running = await runningOf(gateway);
    const theirs = (await (await fetch(`${other.url}/api/hello`, { headers: { "x-plinth-nonce": "a".repeat(32) } })).json()) as { nonce: string };
    const parties = { ...running, way: `port ${port(gateway).port}` };
    for (const nonce of [theirs.nonce, "", "x", "zzzzzzzz.y.z"]) {
      const proof = commandProof(running.token, parties, nonce, { method: "POST", target: "/echo", body: digestOf("x") });
      expect(await statusOf(port(gateway), { authorization: `Plinth ${nonce}.${proof}`, "x-plinth-body": digestOf("x") }, "/echo", "x")).toBe(401);
    }
  });

  it("is not needed to knock, but whoever knocks on the socket is nobody until it proves itself", async () => {
    await using gateway = await startGateway([echo]);
    expect(await statusOf({ socketPath: socketOf(gateway) }, {}, "/echo", "x")).toBe(401);
    expect((await fetch(`${gateway.url}/api/hello`, { headers: { "x-plinth-nonce": "short" } })).status).toBe(400);
    expect((await fetch(`${gateway.url}/api/hello`, { method: "POST" })).status).toBe(405);
  });
});

it("a stopped gateway takes its socket and its announcement with it, also when others are connected", async () => {
  const gateway = await startGateway();
  const idle = connect(socketOf(gateway)).on("error", () => {});
  await new Promise((resolve) => idle.once("connect", resolve));
  await gateway.host.use("plinth.service").get("gateway").stop({});
  for (const name of ["gateway.sock", "running.json"]) await expect(stat(join(gateway.dir, name))).rejects.toMatchObject({ code: "ENOENT" });
  expect(await GatewayLink.find(gateway.host.home)).toBeNull();
  await gateway.host.close();
});
