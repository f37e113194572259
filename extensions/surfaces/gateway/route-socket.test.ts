import { once } from "node:events";
import { bytesOf, duplexRoute } from "@plinth/sdk/kits/http";
import { describe, expect, it } from "vitest";
import WebSocket from "ws";
import { method, scripted, startGateway } from "./started-gateway.ts";

const MiB = 1024 * 1024;
type Options = { protocols?: string[]; headers?: Record<string, string>; origin?: string };

/** A client of the `ws` library; `refused` is the status instead of a connection. */
async function dial(url: string, path: string, { protocols = [], ...options }: Options = {}) {
  const client = new WebSocket(url.replace("http", "ws") + path, protocols, { perMessageDeflate: false, ...options });
  const messages: (string | Buffer)[] = [];
  const listeners: (() => void)[] = [];
  client.on("message", (data, binary) => {
    messages.push(binary ? (data as Buffer) : String(data));
    for (const tell of listeners.splice(0)) tell();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    client.on("close", (code, reason) => resolve({ code, reason: String(reason) })),
  );
  client.on("error", () => {});
  const refused = new Promise<{ status: number; body: string }>((resolve) =>
    client.on("unexpected-response", async (_request, response) => {
      let body = "";
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode ?? 0, body });
      client.terminate();
    }),
  );
  const outcome = await Promise.race([once(client, "open").then(() => "open" as const), refused]);
  const next = async (): Promise<string | Buffer> => {
    while (messages.length === 0) await new Promise<void>((resolve) => listeners.push(resolve));
    return messages.shift() as string | Buffer;
  };
  return { client, closed, next, refused: outcome === "open" ? undefined : outcome };
}

/** Says back what it hears, and how the connection ended. */
function echo(ended: (messages: number) => void = () => {}) {
  return duplexRoute({
    async *socket({ protocols, params }, messages, call) {
      yield { type: "open", protocol: protocols[0] };
      yield { type: "text", text: JSON.stringify({ role: call.work?.principal.role, params, protocols }) };
      let count = 0;
      for await (const message of messages) {
        count += 1;
        if (message.type === "text" && message.text === "bye") {
          yield { type: "close", code: 4001, reason: "as you wish" };
          return;
        }
        yield message.type === "text" ? message : { type: "bytes", base64: Buffer.from(bytesOf(message)).toString("base64") };
      }
      ended(count);
    },
  });
}

describe("a route's WebSocket", () => {
  it("carries text and bytes both ways, with a subprotocol, names in its path, and an end from either side", async () => {
    const ended = Promise.withResolvers<number>();
    await using gateway = await startGateway([
      scripted("echo", { path: "/talk/{room}", auth: "none", websocket: { protocols: ["chat.v1"] } }, { ...echo(ended.resolve) }),
    ]);
    const { client, closed, next } = await dial(gateway.url, "/talk/kitchen?x=1", { protocols: ["chat.v1", "chat.v0"] });
    expect(client.protocol).toBe("chat.v1");
    expect(JSON.parse(String(await next()))).toEqual({ role: "guest", params: { room: "kitchen" }, protocols: ["chat.v1", "chat.v0"] });
    client.send("Grüße");
    expect(await next()).toBe("Grüße");
    client.send(Buffer.from([0, 255, 128]));
    expect(await next()).toEqual(Buffer.from([0, 255, 128]));
    client.close();
    expect(await ended.promise).toBe(2);
    await closed;
    const other = await dial(gateway.url, "/talk/hall");
    await other.next();
    other.client.send("bye");
    expect(await other.closed).toEqual({ code: 4001, reason: "as you wish" });
  });

  it("is for the owner with the token, in a header or as a subprotocol, which the route never sees", async () => {
    await using gateway = await startGateway([scripted("echo", { websocket: { protocols: ["chat.v1"] } }, { ...echo() })]);
    const { token } = gateway;
    expect((await dial(gateway.url, "/echo")).refused?.status).toBe(401);
    expect((await dial(gateway.url, "/echo", { protocols: ["chat.v1", `plinth.token.${"x".repeat(43)}`] })).refused?.status).toBe(401);
    const withHeader = await dial(gateway.url, "/echo", { headers: { authorization: `Bearer ${token}` } });
    expect(JSON.parse(String(await withHeader.next()))).toMatchObject({ role: "owner", protocols: [] });
    const page = await dial(gateway.url, "/echo", { protocols: [`plinth.token.${token}`, "chat.v1"] });
    expect(page.client.protocol).toBe("chat.v1");
    expect(JSON.parse(String(await page.next()))).toEqual({ role: "owner", params: {}, protocols: ["chat.v1"] });
    const bare = await dial(gateway.url, "/echo", { protocols: ["plinth.bearer", `plinth.token.${token}`] });
    expect(bare.client.protocol).toBe("plinth.bearer");
    for (const { client } of [withHeader, page, bare]) client.terminate();
  });

  it("is refused to pages of other origins, by its route, and where there is none", async () => {
    const refusing = duplexRoute({
      async *socket({ headers }) {
        if (headers.authorization === "Bearer good") {
          yield { type: "open" };
          yield { type: "text", text: "in" };
        } else yield { type: "refuse", status: 403, text: "not you" };
      },
    });
    await using gateway = await startGateway([
      scripted("own", { auth: "own", websocket: {}, cors: { origins: ["https://app.example"] } }, { ...refusing }),
      scripted("plain", { auth: "none" }, { ...echo() }),
    ]);
    expect((await dial(gateway.url, "/own")).refused).toEqual({ status: 403, body: "not you" });
    const good = { headers: { authorization: "Bearer good" } };
    expect((await dial(gateway.url, "/own", { ...good, origin: "https://evil.example" })).refused).toMatchObject({
      status: 403,
      body: expect.stringContaining("PLINTH_ORIGIN_REFUSED"),
    });
    expect(await (await dial(gateway.url, "/own", { ...good, origin: "https://app.example" })).next()).toBe("in");
    expect((await dial(gateway.url, "/plain")).refused?.status).toBe(404);
    expect((await dial(gateway.url, "/nothing")).refused?.status).toBe(404);
    const ordinary = await fetch(`${gateway.url}/own`);
    expect([ordinary.status, ordinary.headers.get("upgrade")]).toEqual([426, "websocket"]);
  });

  it("reads its client no faster than its route takes messages", async () => {
    let sent = 0;
    let taken = 0;
    let ahead = 0;
    const slow = duplexRoute({
      async *socket(_request, messages) {
        yield { type: "open" };
        for await (const message of messages) {
          taken += bytesOf(message).length;
          ahead = Math.max(ahead, sent - taken);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    await using gateway = await startGateway([scripted("slow", { auth: "none", websocket: { perSecond: 10_000 } }, { ...slow })]);
    const { client, closed } = await dial(gateway.url, "/slow");
    const piece = Buffer.alloc(32 * 1024);
    for (; sent < 64 * MiB; ) {
      sent += piece.length;
      await new Promise<void>((resolve) => client.send(piece, () => resolve()));
    }
    client.close();
    await closed;
    expect(taken).toBe(64 * MiB);
    expect(ahead).toBeLessThan(24 * MiB);
  });

  it("asks its route for no more than its client reads", async () => {
    let produced = 0;
    const text = "x".repeat(64 * 1024);
    const flooding = duplexRoute({
      async *socket() {
        yield { type: "open" };
        for (; produced < 64 * MiB; produced += text.length) yield { type: "text", text };
      },
    });
    await using gateway = await startGateway([scripted("flood", { auth: "none", websocket: {} }, { ...flooding })]);
    const { client, closed } = await dial(gateway.url, "/flood");
    let read = 0;
    let ahead = 0;
    client.on("message", (data) => {
      read += (data as Buffer).length;
      ahead = Math.max(ahead, produced - read);
      client.pause();
      setImmediate(() => client.resume());
    });
    expect((await closed).code).toBe(1000);
    expect(ahead).toBeLessThan(24 * MiB);
  });

  it("ends for messages that are too long, for too many at once, and for a route that fails", async () => {
    const failing = duplexRoute({
      async *socket() {
        yield { type: "open" };
        throw new Error("secret /x/y");
      },
    });
    const stuck = {
      async *socket(_request: unknown, call: { signal: AbortSignal }) {
        yield { type: "open" };
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      },
      receive: (_input: unknown, call: { signal: AbortSignal }) => new Promise((resolve) => call.signal.addEventListener("abort", resolve)),
    };
    await using gateway = await startGateway([
      scripted("echo", { auth: "none", websocket: { maxMessage: 100 } }, { ...echo() }),
      scripted("stuck", { auth: "none", websocket: {} }, stuck),
      scripted("failing", { auth: "none", websocket: {} }, { ...failing }),
    ]);
    const long = await dial(gateway.url, "/echo");
    long.client.send("x".repeat(101));
    expect((await long.closed).code).toBe(1009);
    const failed = await dial(gateway.url, "/failing");
    const { code, reason } = await failed.closed;
    expect([code, reason.includes("secret")]).toEqual([1011, false]);
    const many = await dial(gateway.url, "/stuck");
    // Empty ones, all in one write: they are parsed before anybody can stop reading.
    (many.client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.concat(Array.from({ length: 9_000 }, () => Buffer.from([0x81, 0x80, 0, 0, 0, 0]))),
    );
    expect((await many.closed).code).toBe(1008);
  });
});

describe("the end of a gateway", () => {
  const watch = method("watch", {
    async *open(_params: unknown, call: { signal: AbortSignal }) {
      yield "first";
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    },
  });
  Object.assign(watch.descriptor as object, { endless: true });

  it("waits for no watcher, no event stream and no idle WebSocket: they are told, and closed as they should be", async () => {
    // Should it wait for one of them, it would do so for ten minutes.
    await using gateway = await startGateway(
      [
        watch,
        scripted("echo", { websocket: {} }, { ...echo() }),
        scripted(
          "events",
          { endless: true },
          {
            async *handle(_request: unknown, call: { signal: AbortSignal }) {
              yield { type: "head", status: 200, headers: { "content-type": "text/event-stream" } };
              yield { type: "text", text: "data: 1\n\n" };
              await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
            },
          },
        ),
      ],
      { limits: { drainMs: 600_000 } },
    );
    const headers = { authorization: `Bearer ${gateway.token}` };
    const order: string[] = [];
    const page = await dial(gateway.url, "/ws", { headers });
    page.client.on("message", (data) => {
      const frame = JSON.parse(String(data));
      order.push(frame.type === "notice" ? frame.code : frame.type === "event" ? frame.data : `res ${frame.error?.code}`);
    });
    page.client.send(JSON.stringify({ type: "req", id: "1", method: "watch" }));
    await page.next();
    const talk = await dial(gateway.url, "/echo", { headers });
    await talk.next();
    const events = await gateway.get("/events");
    const reader = (events.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const stopped = gateway.host.use("plinth.service").get("gateway").stop({});
    const closings = await Promise.all([page.closed, talk.closed]);
    expect(order).toEqual(["first", "PLINTH_STOPPING", "res PLINTH_STOPPING"]);
    expect(closings.map(({ code }) => code)).toEqual([1001, 1001]);
    // The stream has a proper end; a cut one would reject.
    expect((await reader.read()).done).toBe(true);
    await stopped;
  });

  it("waits for what is under way", async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const order: string[] = [];
    await using gateway = await startGateway([
      method("work", {
        async call() {
          begun.resolve();
          await go.promise;
          return "done";
        },
      }),
    ]);
    const page = await dial(gateway.url, "/ws", { headers: { authorization: `Bearer ${gateway.token}` } });
    page.client.on("message", (data) => {
      const frame = JSON.parse(String(data));
      order.push(frame.result ?? frame.code);
      if (frame.code === "PLINTH_STOPPING") go.resolve();
    });
    page.client.send(JSON.stringify({ type: "req", id: "1", method: "work" }));
    await begun.promise;
    await gateway.host.use("plinth.service").get("gateway").stop({});
    expect(order).toEqual(["PLINTH_STOPPING", "done"]);
  });
});
