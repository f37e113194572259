import { once } from "node:events";
import { PlinthError } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import WebSocket from "ws";
import { method, type StartedGateway, startGateway } from "./started-gateway.ts";

type Frame = Record<string, any>;

/** A client with the `ws` library: sends frames, waits for the next ones. */
class Client implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  readonly #waiting: { wanted: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url.replace("http", "ws"), { headers });
    this.socket.on("error", () => {});
    this.socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      this.frames.push(frame);
      const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(frame);
    });
    this.closed = new Promise((resolve) => this.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
  }

  static async connected(gateway: StartedGateway): Promise<Client> {
    const client = await Client.open(gateway);
    expect(await client.ask("connect", { token: gateway.token, protocol: 1, client: "test" })).toMatchObject({ ok: true });
    return client;
  }

  static async open(gateway: StartedGateway, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client(`${gateway.url}/ws`, headers);
    await once(client.socket, "open");
    return client;
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  next(wanted: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  #id = 0;
  ask(name: string, params?: unknown, id = `r${++this.#id}`): Promise<Frame> {
    const answer = this.next((frame) => frame.type === "res" && frame.id === id);
    this.send({ type: "req", id, method: name, params });
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

const counter = method("count", {
  async *open({ to }: { to: number }) {
    for (let n = 1; n <= to; n += 1) yield { n };
  },
});
const endless = method("endless", {
  async *open(_params: unknown, call: { signal: AbortSignal }) {
    yield "begun";
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
  },
});

describe("the gateway over WebSocket", () => {
  it("connects with a token and names its methods", async () => {
    await using gateway = await startGateway([counter]);
    await using client = await Client.open(gateway);
    const answer = await client.ask("connect", { token: gateway.token, protocol: 1, client: "test" });
    expect(answer).toMatchObject({
      ok: true,
      result: { protocol: 1, version: "0.0.0-test", methods: ["count", "health", "methods.list", "status"] },
    });
    expect(await client.ask("health")).toMatchObject({ ok: true, result: { ok: true, connections: { sockets: 1 } } });
    expect((await client.ask("status")).result).toMatchObject({ generation: 1 });
    expect((await client.ask("methods.list")).result.methods).toContainEqual({
      name: "count",
      extension: "test.scripted",
      summary: "count",
      scope: "read",
      streaming: true,
    });
  });

  it("connects with a bearer header on the upgrade", async () => {
    await using gateway = await startGateway();
    await using client = await Client.open(gateway, { authorization: `Bearer ${gateway.token}` });
    expect(await client.ask("health")).toMatchObject({ ok: true });
    expect(await client.ask("connect", {})).toMatchObject({ ok: true });
    const wrong = new Client(`${gateway.url}/ws`, { authorization: "Bearer wrong" });
    const [, response] = await once(wrong.socket, "unexpected-response");
    expect(response.statusCode).toBe(401);
    wrong.socket.terminate();
  });

  it("works with a browser's WebSocket client", async () => {
    await using gateway = await startGateway([counter]);
    const socket = new globalThis.WebSocket(`${gateway.url.replace("http", "ws")}/ws`);
    const frames: Frame[] = [];
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.send(JSON.stringify({ type: "req", id: "1", method: "connect", params: { token: gateway.token } }));
    socket.send(JSON.stringify({ type: "req", id: "2", method: "health" }));
    await new Promise<void>((resolve) =>
      socket.addEventListener("message", ({ data }) => {
        frames.push(JSON.parse(String(data)));
        if (frames.length === 2) resolve();
      }),
    );
    expect(frames).toMatchObject([
      { id: "1", ok: true },
      { id: "2", ok: true },
    ]);
    socket.close();
  });

  it("numbers the events of a stream and ends it with a result", async () => {
    await using gateway = await startGateway([counter]);
    await using client = await Client.connected(gateway);
    client.frames.length = 0;
    await client.ask("count", { to: 3 }, "s");
    expect(client.frames).toEqual([
      { type: "event", id: "s", seq: 1, data: { n: 1 } },
      { type: "event", id: "s", seq: 2, data: { n: 2 } },
      { type: "event", id: "s", seq: 3, data: { n: 3 } },
      { type: "res", id: "s", ok: true, result: {} },
    ]);
  });

  it("answers side by side and cancels one of them", async () => {
    await using gateway = await startGateway([counter, endless]);
    await using client = await Client.connected(gateway);
    const begun = client.next((frame) => frame.type === "event");
    const cancelled = client.ask("endless", {}, "e");
    await begun;
    expect(await client.ask("count", { to: 1 })).toMatchObject({ ok: true });
    client.send({ type: "cancel", id: "e" });
    expect(await cancelled).toMatchObject({ ok: false, error: { code: "PLINTH_ABORTED" } });
    expect(await client.ask("count", { to: 1 }, "e")).toMatchObject({ ok: true });
  });

  it("closes when an id is used again before its answer", async () => {
    await using gateway = await startGateway([endless]);
    await using client = await Client.connected(gateway);
    client.send({ type: "req", id: "e", method: "endless" });
    client.send({ type: "req", id: "e", method: "health" });
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(client.frames.at(-1)).toMatchObject({ id: null, error: { code: "PLINTH_BAD_REQUEST" } });
  });

  it("tells a method when its client is gone", async () => {
    const gone = Promise.withResolvers<void>();
    const watch = method("watch", {
      async *open(_params: unknown, call: { signal: AbortSignal }) {
        yield "begun";
        call.signal.addEventListener("abort", () => gone.resolve());
        await gone.promise;
      },
    });
    await using gateway = await startGateway([watch]);
    await using client = await Client.connected(gateway);
    const begun = client.next((frame) => frame.type === "event");
    client.send({ type: "req", id: "w", method: "watch" });
    await begun;
    client.socket.terminate();
    await gone.promise;
  });

  it("reads a stream that survives to its end without its client, and ends it when it is cancelled", async () => {
    const go = Promise.withResolvers<void>();
    const signals: AbortSignal[] = [];
    const ended: string[] = [];
    const lasting = method("lasting", {
      async *open(_params: unknown, { signal }: { signal: AbortSignal }) {
        signals.push(signal);
        yield "begun";
        await Promise.race([go.promise, once(signal, "abort")]);
        for (let n = 0; n < 3; n++) yield n;
        ended.push(signal.aborted ? "aborted" : "whole");
      },
    });
    Object.assign(lasting.descriptor as object, { survives: true });
    await using gateway = await startGateway([lasting]);
    await using client = await Client.connected(gateway);
    const begun = client.next((frame) => frame.type === "event");
    client.send({ type: "req", id: "l", method: "lasting" });
    await begun;
    client.socket.terminate();
    await using again = await Client.connected(gateway);
    const cancelled = again.ask("lasting", {}, "c");
    await again.next((frame) => frame.type === "event");
    again.send({ type: "cancel", id: "c" });
    expect(await cancelled).toMatchObject({ error: { code: "PLINTH_ABORTED" } });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    go.resolve();
    await expect.poll(() => ended).toContain("whole");
  });

  it("runs each request as the owner's work", async () => {
    const who = method("who", { call: (_params: unknown, call: any) => call.work.principal }, "owner");
    await using gateway = await startGateway([who]);
    await using client = await Client.connected(gateway);
    expect((await client.ask("who")).result).toEqual({ role: "owner", via: "gateway-token" });
  });

  it("passes coded errors through and names unknown methods", async () => {
    const failing = method("failing", {
      call: () => {
        throw new PlinthError("PLINTH_SESSION_BUSY", "Another run holds it.", { extension: "demo.x", next: "Wait." });
      },
    });
    const odd = method("odd", { call: () => ({ big: 1n }) });
    await using gateway = await startGateway([failing, odd]);
    await using client = await Client.connected(gateway);
    expect((await client.ask("failing")).error).toEqual({
      code: "PLINTH_SESSION_BUSY",
      message: "Another run holds it.",
      extension: "demo.x",
      next: "Wait.",
    });
    for (const name of ["nothing", "__proto__", "constructor", "toString"]) {
      expect((await client.ask(name)).error, name).toMatchObject({ code: "PLINTH_METHOD_UNKNOWN", next: expect.any(String) });
    }
    expect(await client.ask("odd")).toMatchObject({ ok: false });
    expect(await client.ask("health")).toMatchObject({ ok: true });
  });

  it("closes on anything before connect, on a wrong token and on silence", async () => {
    await using gateway = await startGateway([], { limits: { connectMs: 150, failedTokens: 1 } });
    await using early = await Client.open(gateway);
    expect(await early.ask("health")).toMatchObject({ ok: false, error: { code: "PLINTH_UNAUTHENTICATED" } });
    expect(await early.closed).toMatchObject({ code: 4401 });
    await using wrong = await Client.open(gateway);
    expect(await wrong.ask("connect", { token: "wrong" })).toMatchObject({
      ok: false,
      error: { code: "PLINTH_UNAUTHENTICATED" },
    });
    await using again = await Client.open(gateway);
    expect(await again.ask("connect", { token: "wrong" })).toMatchObject({ ok: false, error: { code: "PLINTH_RATE_LIMITED" } });
    await using none = await Client.open(gateway);
    expect(await none.ask("connect", {})).toMatchObject({ ok: false, error: { code: "PLINTH_UNAUTHENTICATED" } });
    await using silent = await Client.open(gateway);
    expect(await silent.closed).toMatchObject({ code: 4401 });
    await using old = await Client.open(gateway);
    expect(await old.ask("connect", { token: gateway.token, protocol: 99 })).toMatchObject({
      ok: false,
      error: { code: "PLINTH_BAD_REQUEST" },
    });
  });

  it("closes on frames that are no frames and stays on ones that are merely wrong", async () => {
    await using gateway = await startGateway();
    for (const frame of ["not json", "[]", "null", '{"type":"req"}', '{"type":"req","id":7}', Buffer.from([1, 2, 3])]) {
      await using client = await Client.connected(gateway);
      client.socket.send(frame);
      expect(await client.closed).toMatchObject({ code: 1008 });
      expect(client.frames.at(-1)).toMatchObject({ type: "res", id: null, ok: false, error: { code: "PLINTH_BAD_REQUEST" } });
    }
    await using client = await Client.connected(gateway);
    client.send({ type: "req", id: "a", method: 5 });
    client.send({ type: "shout", id: "b" });
    client.send({ type: "cancel", id: "unknown" });
    expect(await client.ask("health")).toMatchObject({ ok: true });
    expect(client.frames).toMatchObject([{ ok: true }, { id: "a", ok: false }, { id: "b", ok: false }, { ok: true }]);
  });

  it("bounds message size and unanswered requests", async () => {
    await using gateway = await startGateway([endless], { limits: { frameBytes: 4096, inFlight: 2 } });
    await using large = await Client.connected(gateway);
    large.send({ type: "req", id: "x", method: "health", params: "y".repeat(5000) });
    expect(await large.closed).toMatchObject({ code: 1009 });
    await using busy = await Client.connected(gateway);
    busy.send({ type: "req", id: "1", method: "endless" });
    busy.send({ type: "req", id: "2", method: "endless" });
    expect((await busy.ask("health")).error).toMatchObject({ code: "PLINTH_BUSY" });
    busy.send({ type: "cancel", id: "1" });
    await busy.next((frame) => frame.id === "1" && frame.type === "res");
    expect(await busy.ask("health")).toMatchObject({ ok: true });
  });

  it("drops a client that does not read", async () => {
    const dropped = Promise.withResolvers<void>();
    const flood = method("flood", {
      async *open(_params: unknown, call: { signal: AbortSignal }) {
        call.signal.addEventListener("abort", () => dropped.resolve());
        const data = "x".repeat(64 * 1024);
        while (!call.signal.aborted) {
          yield data;
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    await using gateway = await startGateway([flood], { limits: { bufferedBytes: 65_536 * 4 } });
    await using client = await Client.connected(gateway);
    client.send({ type: "req", id: "f", method: "flood" });
    client.socket.pause();
    await dropped.promise;
    expect(gateway.host.log.some(({ message }) => message.includes("too slowly"))).toBe(true);
    client.socket.resume();
  });

  it("drops a client that answers no ping", async () => {
    await using gateway = await startGateway([], { limits: { pingMs: 100 } });
    await using deaf = new Client(`${gateway.url}/ws`, { authorization: `Bearer ${gateway.token}` });
    (deaf.socket as any)._autoPong = false;
    expect(await deaf.closed).toMatchObject({ code: 1006 });
  });

  it("upgrades on its own path, host and origin only", async () => {
    await using gateway = await startGateway();
    const refused = async (path: string, headers: Record<string, string>) => {
      const client = new Client(`${gateway.url}${path}`, headers);
      const [, response] = await once(client.socket, "unexpected-response");
      client.socket.terminate();
      return response.statusCode;
    };
    expect(await refused("/", {})).toBe(404);
    expect(await refused("/ws/x", {})).toBe(404);
    expect(await refused("/ws", { host: "evil.example" })).toBe(403);
    expect(await refused("/ws", { origin: "http://evil.example" })).toBe(403);
    expect(await refused("/ws", { origin: "null" })).toBe(403);
    await using own = await Client.open(gateway, { origin: gateway.url });
    expect(own.socket.readyState).toBe(WebSocket.OPEN);
  });

  it("holds callers and methods to what the methods declare", async () => {
    const called: unknown[] = [];
    const declared = (id: string, schemas: object, provider: object) => {
      const scripted = method(id, provider);
      Object.assign(scripted.descriptor as object, schemas);
      return scripted;
    };
    const params = { type: "object", required: ["n"], properties: { n: { type: "integer", minimum: 1 } }, additionalProperties: false };
    await using gateway = await startGateway([
      declared(
        "double",
        { params, result: { type: "integer" } },
        {
          call: ({ n }: { n: number }) => {
            called.push(n);
            return n === 3 ? "six" : 2 * n;
          },
        },
      ),
      declared(
        "events",
        { events: { type: "string" } },
        {
          async *open() {
            yield "one";
            yield 2;
          },
        },
      ),
    ]);
    await using client = await Client.connected(gateway);
    expect(await client.ask("double", { n: 2 })).toMatchObject({ ok: true, result: 4 });
    for (const bad of [{}, { n: 0 }, { n: "2" }, { n: 1, m: 1 }, []]) {
      expect(await client.ask("double", bad), JSON.stringify(bad)).toMatchObject({ ok: false, error: { code: "PLINTH_BAD_REQUEST" } });
    }
    expect(called).toEqual([2]);
    expect(await client.ask("double", { n: 3 })).toMatchObject({ ok: false, error: { code: "PLINTH_PAYLOAD", extension: "test.scripted" } });
    const answer = client.ask("events");
    expect(await answer).toMatchObject({ ok: false, error: { code: "PLINTH_PAYLOAD" } });
    expect(client.frames.filter(({ type }) => type === "event").map(({ data }) => data)).toEqual(["one"]);
    expect((await client.ask("methods.list")).result.methods).toContainEqual(expect.objectContaining({ name: "double", params }));
  });
});
