import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cleanUp, connect, openHost, type SocketItem, serve, serveSockets } from "./lab.testing.ts";

const lookup = vi.hoisted(() => vi.fn<(name: string, options: object) => Promise<{ address: string; family: number }[]>>());
vi.mock("node:dns/promises", () => ({ lookup, default: { lookup } }));

let host: TestHost;
beforeEach(async () => {
  host = await openHost();
  lookup.mockReset();
});
afterEach(cleanUp);

const echo = () => serveSockets((socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));

describe("a WebSocket", () => {
  it("carries text and bytes both ways, and tells how it was closed", async () => {
    const site = await serveSockets((socket) => {
      socket.on("message", (data, binary) => (String(data) === "bye" ? socket.close(4_001, "enough") : socket.send(data, { binary })));
    });
    const socket = await connect(host, ["loopback"], site.url);
    await socket.send("é");
    expect(await socket.next()).toEqual({ text: "é" });
    await socket.send(new Uint8Array([0, 255]));
    expect([...((await socket.next()).binary ?? [])]).toEqual([0, 255]);
    await socket.send("bye");
    expect(await socket.next()).toEqual({ close: 4_001, reason: "enough" });
    await expect(socket.send("late")).rejects.toMatchObject({ code: "PLINTH_NET", extension: "acme.client" });
  });

  it("is closed with a code and a reason; one that is not for applications becomes 1000", async () => {
    for (const [code, told] of [
      [4_000, 4_000],
      [1_006, 1_000],
      [undefined, 1_000],
    ]) {
      let closed = (_code: number): void => {};
      const seen = new Promise<number>((resolve) => {
        closed = resolve;
      });
      const site = await serveSockets((socket) => socket.on("close", (one) => closed(one)));
      const socket = await connect(host, ["loopback"], site.url);
      await socket.close(code, "because");
      expect(await seen).toBe(told);
    }
  });

  it("speaks the protocol that the server chose, with the headers that were asked for and without those that are not the extension's", async () => {
    let headers: Record<string, unknown> = {};
    const site = await serveSockets(
      (_socket, request) => {
        headers = request.headers;
      },
      { handleProtocols: () => "two" },
    );
    const given = { Authorization: "Bearer k", Host: "other.test", "Sec-WebSocket-Key": "mine", Connection: "close", "Proxy-Connection": "x" };
    const socket = await connect(host, ["loopback"], site.url, { protocols: ["one", "two"], headers: given });
    expect(socket.protocol).toBe("two");
    expect(headers).toMatchObject({ authorization: "Bearer k", host: site.host, connection: "Upgrade", upgrade: "websocket" });
    expect(headers["sec-websocket-key"]).not.toBe("mine");
    expect(headers).not.toHaveProperty("proxy-connection");
  });

  it("belongs to its extension: another one can neither send nor close", async () => {
    const site = await echo();
    const socket = await connect(host, ["loopback"], site.url);
    await expect(socket.send("stolen", "acme.other")).rejects.toMatchObject({ code: "PLINTH_NET", extension: "acme.other" });
    await socket.close(4_000, "", "acme.other");
    await socket.send("mine");
    expect(await socket.next()).toEqual({ text: "mine" });
  });

  it("is closed for the server when its reader leaves, is cancelled, or the extension stops", async () => {
    for (const leave of [
      (socket: Awaited<ReturnType<typeof connect>>) => void socket.leave(),
      (socket: Awaited<ReturnType<typeof connect>>) => socket.aborting.abort(),
      () => void host.close(),
    ]) {
      let closed = (): void => {};
      const gone = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const site = await serveSockets((socket) => socket.on("close", () => closed()));
      leave(await connect(host, ["loopback"], site.url));
      await gone;
    }
  });
});

describe("a WebSocket is refused", () => {
  const code = (hosts: string[], url: string) =>
    connect(host, hosts, url).then(
      () => "opened",
      (thrown) => thrown.code,
    );

  it("to a host, a scheme or a port that is not granted, before anything is sent", async () => {
    const site = await echo();
    let knocks = 0;
    site.server.on("headers", () => knocks++);
    const { port } = site;
    for (const hosts of [[], ["*"], ["api.example.com"], [`http://127.0.0.1:${port}`], [`wss://127.0.0.1:${port}`], ["ws://127.0.0.1"]])
      expect(await code(hosts, site.url), String(hosts)).toBe("PLINTH_PERMISSION");
    for (const url of ["http://127.0.0.1", "ws+unix:///tmp/x.sock", "wss+unix:/tmp/x", `ws://u:p@127.0.0.1:${port}`, "nonsense"])
      expect(await code(["*", "loopback"], url), url).toBe("PLINTH_PERMISSION");
    expect(knocks).toBe(0);
    expect(await code([`ws://127.0.0.1:${port}`], site.url)).toBe("opened");
  });

  it("when the name leads to a private address, and is not asked twice", async () => {
    const site = await echo();
    lookup.mockResolvedValueOnce([
      { address: "93.184.215.14", family: 4 },
      { address: "10.0.0.1", family: 4 },
    ]);
    expect(await code([`mixed.test:${site.port}`], `ws://mixed.test:${site.port}`)).toBe("PLINTH_PERMISSION");
    lookup.mockResolvedValueOnce([{ address: "127.0.0.1", family: 4 }]).mockRejectedValue(new Error("asked twice"));
    expect(await code(["loopback", `pinned.test:${site.port}`], `ws://pinned.test:${site.port}`)).toBe("opened");
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it("when the server answers with a redirect, which is not followed", async () => {
    const target = await serve((_request, response) => void response.end());
    const moved = createServer().on("upgrade", (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${target.url.replace("http", "ws")}\r\nContent-Length: 0\r\n\r\n`);
    });
    await new Promise<void>((resolve) => moved.listen(0, "127.0.0.1", resolve));
    expect(await code(["loopback"], `ws://127.0.0.1:${(moved.address() as AddressInfo).port}`)).toBe("PLINTH_NET");
    expect(target.seen).toEqual([]);
    moved.close();
  });

  it("when the extension has eight already; another extension's do not count, and a closed one makes room", async () => {
    const site = await echo();
    const open: Awaited<ReturnType<typeof connect>>[] = [];
    for (let n = 0; n < 8; n++) open.push(await connect(host, ["loopback"], site.url));
    expect(await code(["loopback"], site.url)).toBe("PLINTH_QUOTA");
    await open[0]?.close();
    expect(await open[0]?.next()).toMatchObject({ close: 1_000 });
    expect(await open[0]?.next()).toBeUndefined();
    expect(await code(["loopback"], site.url)).toBe("opened");
  });
});

describe("a bound on a WebSocket", () => {
  it("a message that is too large either way fails with PLINTH_QUOTA", async () => {
    const site = await serveSockets((socket) => socket.send("x".repeat(1_048_577)));
    const socket = await connect(host, ["loopback"], site.url);
    await expect(socket.next()).rejects.toMatchObject({ code: "PLINTH_QUOTA" });
    const other = await connect(host, ["loopback"], (await echo()).url);
    await expect(other.send("x".repeat(1_048_577))).rejects.toMatchObject({ code: "PLINTH_QUOTA" });
    await other.send("x".repeat(1_048_576));
    expect((await other.next()).text).toHaveLength(1_048_576);
  });

  it("what nobody reads stays with the sender, and arrives in order when somebody does", async () => {
    const total = 400;
    const sent: number[] = [];
    const site = await serveSockets((socket) => {
      let next = 0;
      const more = (): void => {
        if (next === total) return;
        const n = next++;
        socket.send(`${n}:${"x".repeat(100_000)}`, () => {
          sent.push(n);
          more();
        });
      };
      more();
    });
    const socket = await connect(host, ["loopback"], site.url);
    const first = await socket.next();
    expect(first.text).toMatch(/^0:/);
    // Forty megabytes do not fit into what is held and the system's buffers: the sender stands still.
    await vi.waitFor(() => expect(sent.length).toBeGreaterThan(0));
    let before = -1;
    while (before !== sent.length) {
      before = sent.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent.length).toBeLessThan(total);
    const seen: SocketItem[] = [];
    for (let n = 1; n < total; n++) seen.push(await socket.next());
    expect(seen.map(({ text }) => Number.parseInt(text ?? "", 10))).toEqual(Array.from({ length: total - 1 }, (_, at) => at + 1));
  });

  it("a server that sends nonsense or hangs up is told as PLINTH_NET, or as the end", async () => {
    const site = await serveSockets((socket) => (socket as unknown as { _socket: import("node:net").Socket })._socket.write("\xff\xff\xff\xff"));
    const socket = await connect(host, ["loopback"], site.url);
    await expect(socket.next()).rejects.toMatchObject({ code: "PLINTH_NET" });
    const gone = await connect(host, ["loopback"], (await serveSockets((one) => one.terminate())).url);
    expect(await gone.next()).toEqual({ close: 1_006, reason: "" });
  });
});
