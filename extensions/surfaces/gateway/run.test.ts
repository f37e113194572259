import { chmod, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import WebSocket from "ws";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { method, route } from "./started-gateway.ts";

const terminal = { cwd: "/", json: true, tty: false, columns: 80, color: false, local: true };
type Item = Record<string, any>;

async function host(provide: ScriptedProvider[] = [], config: object = {}) {
  return createTestHost({ extensions: [{ manifest, extension, config }], provide });
}

/** Run the command; `first` is its first item, `end` stops it and returns the rest. */
async function start(testHost: Awaited<ReturnType<typeof host>>, options: object = { port: "0" }, json = true) {
  const abort = new AbortController();
  const items = testHost
    .use("plinth.cli-command")
    .get("gateway.run")
    .run({ args: {}, options: options as any, terminal: { ...terminal, json } }, { signal: abort.signal })
    [Symbol.asyncIterator]();
  const { value } = await items.next();
  const rest = items.next();
  rest.catch(() => {});
  return { first: value as Item, rest, abort, items };
}

describe("plinth gateway run", () => {
  it("gives its address as the result when it is ready, and runs until it is cancelled", async () => {
    await using testHost = await host();
    const { first, rest, abort } = await start(testHost);
    const line = first.result;
    expect(Object.keys(line)).toEqual(["url", "token", "pid"]);
    expect(line.pid).toBe(process.pid);
    expect(line.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await fetch(`${line.url}/readyz`)).status).toBe(200);
    abort.abort();
    await rest.catch(() => {});
    await expect
      .poll(() =>
        fetch(line.url).then(
          () => "open",
          () => "closed",
        ),
      )
      .toBe("closed");
  });

  it("tells people where the page is and how to stop", async () => {
    await using testHost = await host();
    const { first, abort } = await start(testHost, { port: "0" }, false);
    expect(first.out).toMatch(/Open {2}http:\/\/127\.0\.0\.1:\d+\/#token=[A-Za-z0-9_-]{43}\n/);
    expect(first.out).toContain("Ctrl+C");
    abort.abort();
  });

  it("ends well on SIGTERM and takes its announcement back", async () => {
    await using testHost = await host();
    const { first, rest } = await start(testHost);
    const { url } = first.result;
    const file = join(testHost.home, "state", "plinth.gateway", "running.json");
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
      url,
      pid: process.pid,
      version: "0.0.0-test",
      startedAt: expect.any(Number),
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    process.emit("SIGTERM");
    expect(await rest).toMatchObject({ done: true });
    await expect(readFile(file)).rejects.toMatchObject({ code: "ENOENT" });
    expect(process.listenerCount("SIGTERM")).toBe(0);
  });

  it("finishes what is in flight and tells WebSocket clients", async () => {
    const release = Promise.withResolvers<void>();
    const slow = route("slow", {}, async function* () {
      yield { type: "head", status: 200, headers: { "content-type": "text/event-stream" } };
      await release.promise;
      yield { type: "text", text: "done" };
    });
    const later = method("later", { call: () => release.promise.then(() => ({ done: true })) });
    await using testHost = await host([slow, later]);
    const { first, rest, abort } = await start(testHost);
    const { url, token } = first.result;
    const authorization = `Bearer ${token}`;
    const response = await fetch(`${url}/slow`, { headers: { authorization } });
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers: { authorization } });
    const frames: Item[] = [];
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const notice = new Promise<void>((resolve) =>
      socket.on("message", (data) => {
        frames.push(JSON.parse(String(data)));
        if (frames.at(-1)?.type === "notice") resolve();
      }),
    );
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(JSON.stringify({ type: "req", id: "1", method: "later" }));
    socket.send(JSON.stringify({ type: "req", id: "2", method: "health" }));
    await expect.poll(() => frames.length).toBe(1);
    process.emit("SIGINT");
    await notice;
    socket.send(JSON.stringify({ type: "req", id: "3", method: "health" }));
    await expect.poll(() => frames.length).toBe(3);
    release.resolve();
    expect(await response.text()).toBe("done");
    expect(await closed).toBe(1001);
    expect(frames).toMatchObject([
      { id: "2", ok: true },
      { type: "notice", code: "PLINTH_STOPPING" },
      { id: "3", error: { code: "PLINTH_STOPPING" } },
      { id: "1", ok: true },
    ]);
    expect(await rest).toMatchObject({ done: true });
    abort.abort();
  });

  it("refuses a second gateway of the same home", async () => {
    await using testHost = await host();
    const { first, abort } = await start(testHost);
    const { assertAlone } = await import("./running.ts");
    await expect(assertAlone(testHost.home)).rejects.toMatchObject({
      code: "PLINTH_GATEWAY_RUNNING",
      message: expect.stringContaining(first.result.url),
      next: expect.any(String),
    });
    await expect(start(testHost)).rejects.toMatchObject({ code: "PLINTH_GATEWAY_RUNNING" });
    abort.abort();
  });

  it("replaces the announcement of a gateway that died", async () => {
    await using testHost = await host();
    await testHost.activate("plinth.gateway");
    const dir = join(testHost.home, "state", "plinth.gateway");
    const { mkdir } = await import("node:fs/promises");
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "running.json"), JSON.stringify({ url: "http://127.0.0.1:1", token: "x", pid: 1, startedAt: 1, version: "0" }));
    const { first, abort } = await start(testHost);
    expect(JSON.parse(await readFile(join(dir, "running.json"), "utf8")).url).toBe(first.result.url);
    abort.abort();
  });

  it("says who answers on a port that is taken", async () => {
    const other = createServer((_request, response) => response.end("something else"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      await using testHost = await host([], { port });
      await expect(start(testHost, {})).rejects.toMatchObject({
        code: "PLINTH_PORT_BUSY",
        message: expect.stringContaining("not a Plinth"),
        next: expect.stringContaining("--port 0"),
      });
      await using first = await host();
      const { url } = (await start(first)).first.result;
      await expect(start(testHost, { port: new URL(url).port })).rejects.toMatchObject({
        code: "PLINTH_PORT_BUSY",
        message: expect.stringContaining("another Plinth"),
      });
    } finally {
      other.close();
    }
  });

  it("refuses a port that is none as wrong usage", async () => {
    await using testHost = await host();
    await expect(start(testHost, { port: "70000" })).rejects.toMatchObject({ code: "PLINTH_USAGE", message: expect.stringContaining("--port") });
  });

  it("keeps its token in a file for the owner only, and refuses one that others could read", async () => {
    await using testHost = await host();
    const one = await start(testHost);
    const { token } = one.first.result;
    const file = join(testHost.home, "state", "plinth.gateway", "token");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, "utf8")).trim()).toBe(token);
    process.emit("SIGINT");
    await one.rest;
    const two = await start(testHost);
    expect(two.first.result.token).toBe(token);
    process.emit("SIGINT");
    await two.rest;
    await chmod(file, 0o644);
    await expect(start(testHost)).rejects.toMatchObject({ code: "PLINTH_TOKEN_BROKEN" });
    await rm(file);
    await symlink("/dev/null", file);
    await expect(start(testHost)).rejects.toMatchObject({
      code: "PLINTH_TOKEN_BROKEN",
      next: expect.stringContaining("Delete the file"),
    });
  });

  it("starts boot services as nobody, again for each generation, and stops them at the end", async () => {
    const calls: string[] = [];
    const service = (id: string, start: string, fails = false): ScriptedProvider => ({
      contract: "plinth.service",
      id,
      descriptor: { title: id, start },
      provider: {
        start: (_input: unknown, call: any) => {
          calls.push(`start ${id} ${call.work.principal.role}`);
          if (fails) throw new Error("cannot");
          return {};
        },
        stop: () => {
          calls.push(`stop ${id}`);
          return {};
        },
      } as any,
    });
    await using testHost = await host([service("bad", "boot", true), service("good", "boot"), service("idle", "demand")]);
    const { rest } = await start(testHost);
    await expect.poll(() => calls).toEqual(["start bad guest", "start good guest"]);
    await testHost.fire("generation.ready", { generation: 2, added: [], removed: [] });
    await expect.poll(() => calls.length).toBe(4);
    expect(testHost.log).toContainEqual(
      expect.objectContaining({
        level: "error",
        message: "The service bad did not start.",
        fields: expect.objectContaining({ extension: "test.scripted" }),
      }),
    );
    process.emit("SIGTERM");
    await rest;
    expect(calls.slice(4)).toEqual(["stop good"]);
  });
});
