import { once } from "node:events";
import { createServer } from "node:net";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cleanUp, open, openHost, openNetwork, read, serve } from "./lab.testing.ts";

let host: TestHost;
beforeEach(async () => {
  host = await openHost();
});
afterEach(async () => {
  vi.useRealTimers();
  await cleanUp();
});

const hello = () => serve((_request, response) => response.end("hello"));

describe("loopback", () => {
  it("is refused without the grant, before anything is sent", async () => {
    const site = await hello();
    const refused = { code: "PLINTH_PERMISSION", extension: "acme.client", message: expect.stringContaining("127.0.0.1") };
    await expect(read(host, ["*"], site.url)).rejects.toMatchObject(refused);
    await expect(read(host, ["api.example.com"], site.url)).rejects.toMatchObject(refused);
    await expect(read(host, ["*"], `http://[::ffff:127.0.0.1]:${site.port}`)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(read(host, ["*"], `http://0:${site.port}`)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(read(host, [], site.url)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(site.seen).toEqual([]);
  });

  it("is reached with the grant, by name and by address", async () => {
    const site = await hello();
    expect(await read(host, ["loopback"], site.url)).toMatchObject({ status: 200, body: "hello" });
    expect(await read(host, ["loopback"], `http://localhost:${site.port}`)).toMatchObject({ status: 200, body: "hello" });
    expect(await read(host, [site.host], site.url)).toMatchObject({ status: 200, body: "hello" });
  });
});

describe("a request", () => {
  it("arrives as it was made, and the answer comes back with lower-case headers", async () => {
    const site = await serve((_request, response) => response.writeHead(201, { "X-One": "1", "Set-Cookie": ["a=1", "b=2"] }).end("made"));
    const answer = await read(host, ["loopback"], `${site.url}/path?q=1`, { method: "put", headers: { "X-Key": "v" }, body: "é" });
    expect(answer).toMatchObject({ status: 201, body: "made", headers: { "x-one": "1", "set-cookie": "a=1, b=2" } });
    expect(site.seen).toMatchObject([
      { method: "PUT", url: "/path?q=1", body: "é", headers: { "x-key": "v", "content-length": "2", "accept-encoding": "identity" } },
    ]);
  });

  it("cannot choose the host header, the framing or the connection for itself", async () => {
    const site = await hello();
    const headers = {
      Host: "other.test",
      Connection: "close",
      "Content-Length": "999",
      "Transfer-Encoding": "chunked",
      Expect: "100-continue",
      te: "x",
    };
    expect(await read(host, ["loopback"], site.url, { method: "POST", headers, body: "abc" })).toMatchObject({ body: "hello" });
    expect(site.seen).toMatchObject([{ body: "abc", headers: { host: site.host, connection: "keep-alive", "content-length": "3" } }]);
    for (const name of ["transfer-encoding", "expect", "te"]) expect(site.seen[0]?.headers).not.toHaveProperty(name);
  });

  it("is refused when its URL is no URL, has another scheme or holds credentials, or its method makes a tunnel", async () => {
    const site = await hello();
    const urls = ["nonsense", "/only/a/path", "ftp://example.com/", "file:///etc/passwd", "data:text/plain,x", `http://user:pw@${site.host}/`];
    for (const url of urls) await expect(read(host, ["*", "loopback"], url), url).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(read(host, ["loopback"], site.url, { method: "CONNECT" })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(site.seen).toEqual([]);
  });

  it.each<[string, object]>([
    ["header with a line break", { headers: { "x-key": "a\r\nx-evil: value-of-key" } }],
    ["header name", { headers: { "x key": "value-of-key" } }],
    ["method", { method: "G ET" }],
  ])("that HTTP does not allow (a %s) fails with a code, does not show the value and leaves no timer behind", async (_what, options) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const failure = await read(host, ["loopback"], "http://127.0.0.1:9/", { timeoutMs: 50, ...options }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "PLINTH_PAYLOAD", extension: "acme.client" });
    expect((failure as Error).message).not.toContain("value-of-key");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("to a server that is not there fails with PLINTH_NET and a next step", async () => {
    const site = await hello();
    site.server.close();
    await once(site.server, "close");
    await expect(read(host, ["loopback"], site.url)).rejects.toMatchObject({
      code: "PLINTH_NET",
      extension: "acme.client",
      message: expect.stringContaining("ECONNREFUSED"),
      next: expect.any(String),
    });
  });

  it("to a server that speaks no HTTP, hangs up or wants to switch protocols fails with PLINTH_NET", async () => {
    for (const answer of ["nonsense\r\n\r\n", "", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"]) {
      const server = createServer((socket) => socket.once("data", () => socket.end(answer))).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      await expect(read(host, ["loopback"], `http://127.0.0.1:${port}`), answer).rejects.toMatchObject({ code: "PLINTH_NET" });
      server.close();
    }
  });
});

describe("a bound", () => {
  it("on the body: what is larger fails with PLINTH_QUOTA and the connection is closed; what just fits does not", async () => {
    const site = await serve((_request, response) => response.end("x".repeat(1_000)));
    expect((await read(host, ["loopback"], site.url, { maxBytes: 1_000 })).body).toHaveLength(1_000);
    await expect(read(host, ["loopback"], site.url, { maxBytes: 999 })).rejects.toMatchObject({ code: "PLINTH_QUOTA", extension: "acme.client" });
    const endless = await serve((request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
      request.socket.once("close", () => response.emit("gone"));
    });
    const closed = new Promise((resolve) => endless.server.once("connection", (socket) => socket.once("close", resolve)));
    await expect(read(host, ["loopback"], endless.url, { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: "PLINTH_QUOTA" });
    await closed;
  });

  it("on the wait for the head: the time is that of the whole chain of redirects", async () => {
    const silent = await serve(() => {});
    const first = await serve((_request, response) => response.writeHead(302, { location: silent.url }).end());
    await expect(read(host, ["loopback"], first.url, { timeoutMs: 100 })).rejects.toMatchObject({
      code: "PLINTH_NET",
      message: expect.stringContaining("no answer within 100 ms"),
    });
    expect(silent.seen).toHaveLength(1);
  });

  it("on the head is over when the head is there: a slow body is not cut by it", async () => {
    let finish = (): void => {};
    const site = await serve((_request, response) => {
      response.write("slow ");
      finish = () => response.end("body");
    });
    // The real timer is the one under test: the body ends only after it would have fired.
    const stream = open(host, ["loopback"], site.url, { timeoutMs: 200 })[Symbol.asyncIterator]();
    expect((await stream.next()).value).toMatchObject({ status: 200 });
    const rest = (async () => {
      let all = "";
      for (let step = await stream.next(); !step.done; step = await stream.next()) all += Buffer.from(step.value as Uint8Array).toString();
      return all;
    })();
    setTimeout(() => finish(), 300);
    expect(await rest).toBe("slow body");
  });

  it("on silence: a body that stops coming ends with PLINTH_NET", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const site = await serve((_request, response) => void response.write("half"));
    const stream = open(host, ["loopback"], site.url)[Symbol.asyncIterator]();
    await stream.next();
    expect(Buffer.from((await stream.next()).value as Uint8Array).toString()).toBe("half");
    const next = stream.next().then(
      () => "answered",
      (thrown: unknown) => thrown,
    );
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await Promise.race([next, "waiting"])).toMatchObject({ code: "PLINTH_NET", message: expect.stringContaining("silent") });
    });
  });

  it("on requests at one time: 64 for each extension, and one that ends makes room", async () => {
    const site = await serve((_request, response) => void response.write("half"));
    const begin = async (extension: string) => {
      const stream = open(host, ["loopback"], site.url, { extension })[Symbol.asyncIterator]();
      await stream.next();
      return stream;
    };
    const streams = await Promise.all(Array.from({ length: 64 }, () => begin("acme.client")));
    await expect(begin("acme.client")).rejects.toMatchObject({ code: "PLINTH_QUOTA", extension: "acme.client" });
    streams.push(await begin("acme.other"));
    await streams[0]?.return?.();
    streams.push(await begin("acme.client"));
    await Promise.all(streams.map((one) => one.return?.()));
  });

  it("that is no number is not a bound switched off", async () => {
    const { exchange } = await import("./exchange.ts");
    const site = await serve((_request, response) => response.end("hello"));
    const grant = { extension: "acme.client", hosts: ["loopback"], agents: new Map(), network: openNetwork() };
    const seen: unknown[] = [];
    for await (const item of exchange(grant, { extension: "acme.client", hosts: [], url: site.url, timeoutMs: Number.NaN, maxBytes: Number.NaN }))
      seen.push(item);
    expect(seen).toHaveLength(2);
    for (const agent of grant.agents.values()) agent.destroy();
  });
});

describe("the end of a stream that was not read to its end", () => {
  it.each<[string, boolean]>([
    ["while the head is waited for", false],
    ["in the middle of the body", true],
  ])("by an abort %s is told as PLINTH_ABORTED, and the server sees it", async (_when, headFirst) => {
    const gone = new Promise<void>((resolve) => {
      void serve((_request, response) => {
        if (headFirst) response.write("half");
        response.once("close", resolve);
      }).then(begin);
    });
    const aborting = new AbortController();
    let arrived = (_url: string): void => {};
    const url = new Promise<string>((resolve) => {
      arrived = resolve;
    });
    function begin(site: { url: string; server: import("node:http").Server }): void {
      site.server.once("request", () => {
        if (!headFirst) setImmediate(() => aborting.abort());
      });
      arrived(site.url);
    }
    const { exchange } = await import("./exchange.ts");
    const grant = { extension: "acme.client", hosts: ["loopback"], agents: new Map(), network: openNetwork() };
    const stream = exchange(grant, { extension: "acme.client", hosts: [], url: await url }, aborting.signal);
    if (headFirst) {
      await stream.next();
      await stream.next();
      setImmediate(() => aborting.abort());
    }
    await expect(stream.next()).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    await gone;
  });

  it("by a caller that looks at the head only closes the connection", async () => {
    let close = (): void => {};
    const gone = new Promise<void>((resolve) => {
      close = resolve;
    });
    const site = await serve((_request, response) => {
      response.once("close", () => close());
      response.write("more to come");
    });
    for await (const item of open(host, ["loopback"], site.url)) {
      expect(item).toMatchObject({ status: 200 });
      break;
    }
    await gone;
  });

  it("by the server is told as PLINTH_NET", async () => {
    const site = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "10" }).write("half");
      setImmediate(() => response.destroy());
    });
    await expect(read(host, ["loopback"], site.url)).rejects.toMatchObject({ code: "PLINTH_NET", message: expect.stringContaining("broke off") });
  });

  it("an abort that came before the call sends nothing", async () => {
    const { exchange } = await import("./exchange.ts");
    const site = await hello();
    const grant = { extension: "acme.client", hosts: ["loopback"], agents: new Map(), network: openNetwork() };
    await expect(exchange(grant, { extension: "acme.client", hosts: [], url: site.url }, AbortSignal.abort()).next()).rejects.toMatchObject({
      code: "PLINTH_ABORTED",
    });
    expect(site.seen).toEqual([]);
  });
});

describe("connections", () => {
  it("are kept for the next request of the same grant, and never shared with another extension or another grant", async () => {
    const site = await hello();
    await read(host, ["loopback"], site.url);
    await read(host, ["loopback"], site.url);
    await read(host, ["loopback"], site.url, { extension: "acme.other" });
    await read(host, ["loopback", "*"], site.url);
    const [first, second, other, wider] = site.seen.map(({ client }) => client);
    expect(second).toBe(first);
    expect(new Set([first, other, wider]).size).toBe(3);
  });

  it("are closed when the extension stops", async () => {
    const site = await hello();
    const closed = new Promise((resolve) => site.server.once("connection", (socket) => socket.once("close", resolve)));
    await read(host, ["loopback"], site.url);
    await host.close();
    await closed;
  });
});

it("serves the host only: an extension that asks directly is refused", async () => {
  const { default: extension } = await import("./index.ts");
  const { default: manifest } = await import("./plinth.json", { with: { type: "json" } });
  const { createTestHost } = await import("@plinth/sdk/testing");
  const { defineExtension } = await import("@plinth/sdk");
  const site = await hello();
  const thief = defineExtension({
    activate(ctx) {
      ctx.provide("plinth.tool", "thief", {
        async call() {
          for await (const item of ctx
            .use("plinth.egress")
            .one()
            .exchange({ extension: "acme.client", hosts: ["loopback"], url: site.url }))
            return { content: [{ type: "text", text: JSON.stringify(item) }] };
          return { content: [] };
        },
      });
    },
  });
  await using other = await createTestHost({
    extensions: [
      { manifest, extension },
      {
        manifest: {
          id: "acme.thief",
          version: "1.0.0",
          title: "Thief",
          description: "Asks directly.",
          engines: { plinth: "^0.1.0" },
          entry: "./index.js",
          uses: [{ contract: "plinth.egress", range: "^1" }],
          provides: [
            {
              contract: "plinth.tool",
              version: "1.0.0",
              id: "thief",
              descriptor: { description: "Steals.", input: { type: "object" }, effects: [] },
            },
          ],
        },
        extension: thief,
      },
    ],
  });
  await expect(other.use("plinth.tool").get("thief").call({ args: {} })).rejects.toMatchObject({
    code: "PLINTH_PERMISSION",
    extension: "acme.thief",
  });
  expect(site.seen).toEqual([]);
});
