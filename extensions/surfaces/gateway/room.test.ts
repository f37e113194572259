import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { GatewayLink } from "@plinth/sdk/home";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { route, type StartedGateway, startGateway } from "./started-gateway.ts";

const open: Socket[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

const hello = route("hello", {}, async function* () {
  yield { type: "head", status: 200 };
  yield { type: "text", text: "hello" };
});
const port = ({ url }: StartedGateway) => ({ host: "127.0.0.1", port: Number(new URL(url).port) });

/** Real connections that say `first` and then nothing; resolves when all are made. */
function crowd(count: number, to: { host: string; port: number } | { path: string }, first = ""): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(to as { path: string });
      open.push(socket);
      socket.on("error", () => {}).resume();
      await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
      if (first !== "") socket.write(first);
      return socket;
    }),
  );
}

const stillOpen = (sockets: readonly Socket[]) => sockets.filter((one) => !one.destroyed && one.readyState === "open").length;

describe("many connections that prove nothing", () => {
  it.each([
    ["say nothing", ""],
    ["begin a request", "GET / HTTP/1.1\r\nhost: localhost\r\n"],
    ["send a body that never ends", "POST /hello HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["become WebSockets", upgrade()],
  ])("and %s do not keep the owner out: 1,100 of them, on the port and on the socket", async (_what, first) => {
    await using gateway = await startGateway([hello]);
    for (const to of [port(gateway), { path: join(gateway.dir, "gateway.sock") }]) {
      const sockets = await crowd(1_100, to, first);
      expect(await (await gateway.get("/hello")).text()).toBe("hello");
      using link = (await GatewayLink.find(gateway.host.home)) as GatewayLink;
      expect((await link.send("GET", "/hello", "")).statusCode).toBe(200);
      await expect.poll(() => stillOpen(sockets)).toBeLessThanOrEqual(256);
      for (const one of sockets) one.destroy();
    }
  });

  it("do not push out a connection that has proven whose it is", async () => {
    await using gateway = await startGateway([hello]);
    const client = new WebSocket(`${gateway.url.replace("http", "ws")}/ws`);
    await new Promise((resolve) => client.once("open", resolve));
    const answers: string[] = [];
    client.on("message", (data) => answers.push(JSON.parse(String(data)).id));
    client.send(JSON.stringify({ type: "req", id: "1", method: "connect", params: { token: gateway.token } }));
    await expect.poll(() => answers).toEqual(["1"]);
    await crowd(600, port(gateway));
    client.send(JSON.stringify({ type: "req", id: "2", method: "health" }));
    await expect.poll(() => answers).toEqual(["1", "2"]);
    client.terminate();
  });

  it("are let go when they do nothing for a while, and answered ones too", async () => {
    await using gateway = await startGateway([], { limits: { strangerMs: 200 } });
    const sockets = await crowd(5, port(gateway));
    const [asked] = await crowd(1, port(gateway), "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await new Promise((resolve) => asked?.once("data", resolve));
    await expect.poll(() => stillOpen([...sockets, asked as Socket])).toBe(0);
  });

  it("give way to each other, the one that did nothing for the longest first", async () => {
    await using gateway = await startGateway([], { limits: { strangers: 3 } });
    const ask = async (socket?: Socket) => {
      socket?.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await new Promise((resolve) => socket?.once("data", resolve));
    };
    const [first] = await crowd(1, port(gateway));
    const [second] = await crowd(1, port(gateway));
    await ask(second);
    await ask(first);
    const [third] = await crowd(1, port(gateway));
    await ask(third);
    await crowd(1, port(gateway));
    await expect.poll(() => [first, second, third].map((one) => one?.destroyed)).toEqual([false, true, false]);
  });
});

describe("connections that have proven whose they are", () => {
  it("have a limit as well, and the one that is kept for later gives way", async () => {
    await using gateway = await startGateway([hello], { limits: { connections: 2 } });
    const request = `GET /hello HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${gateway.token}\r\n\r\n`;
    const known: Socket[] = [];
    for (let count = 0; count < 3; count++) {
      const [socket] = await crowd(1, port(gateway), request);
      await new Promise((resolve) => socket?.once("data", resolve));
      known.push(socket as Socket);
    }
    await expect.poll(() => known.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
  });
});

function upgrade(): string {
  const lines = ["GET /ws HTTP/1.1", "host: localhost", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
  return `${[...lines, "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="].join("\r\n")}\r\n\r\n`;
}
