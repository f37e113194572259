import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { defineExtension, type Provider } from "../extension/index.ts";
import { createTestHost } from "./index.ts";

const base = { version: "1.0.0", title: "T", description: "", engines: { plinth: "^0.1.0" }, entry: "./index.js" };
const dice = { description: "Rolls a die.", input: { type: "object" }, effects: [] };
const tool = (id: string) => ({ contract: "plinth.tool", version: "1.0.0", id, descriptor: dice });
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const owner = { role: "owner" as const, via: "test" };

describe("a test host", () => {
  it("activates an extension when it is first used, and once", async () => {
    let activations = 0;
    const extension = defineExtension({
      activate(ctx) {
        activations++;
        ctx.provide("plinth.tool", "dice", { call: () => text("4") });
      },
    });
    await using host = await createTestHost({
      extensions: [{ manifest: { ...base, id: "demo.dice", provides: [tool("dice")] }, extension }],
    });
    expect(await host.use("plinth.tool").list()).toMatchObject([{ id: "dice", extension: "demo.dice" }]);
    expect(activations).toBe(0);
    const client = host.use("plinth.tool").get("dice");
    await Promise.all([client.call({ args: {} }), client.call({ args: {} })]);
    expect(activations).toBe(1);
    expect(host.activated()).toEqual(["demo.dice"]);
  });

  it("refuses what the manifest does not declare", async () => {
    const attempts: Record<string, (ctx: any) => unknown> = {
      provide: (ctx) => ctx.provide("plinth.tool", "other", {}),
      use: (ctx) => ctx.use("plinth.tool"),
      hook: (ctx) => ctx.hooks.on("turn.end", () => {}),
      secret: (ctx) => ctx.secrets.handle("KEY"),
      dataDir: (ctx) => ctx.dataDir,
      fire: (ctx) => ctx.hooks.fire("turn.end", {}),
      fetch: (ctx) => ctx.fetch("http://127.0.0.1:1/"),
      connect: (ctx) => ctx.connect("ws://127.0.0.1:1/"),
      files: (ctx) => ctx.files.read("data/x"),
      exec: (ctx) => ctx.exec("git"),
      work: (ctx) => ctx.work(owner, async () => {}),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      const extension = defineExtension({ activate: async (ctx) => void (await attempt(ctx)) });
      await using host = await createTestHost({ extensions: [{ manifest: { ...base, id: "demo.greedy" }, extension }] });
      await expect(host.activate("demo.greedy"), name).rejects.toMatchObject({
        code: "PLINTH_UNDECLARED",
        extension: "demo.greedy",
      });
    }
  });

  it("gives an extension files of its home, sockets of this machine, and the programs that the test scripts", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(`heard ${data}`)));
    await new Promise<void>((resolve) => server.once("listening", resolve));
    const extension = defineExtension({
      async activate(ctx) {
        await ctx.files.write("data/a/b.txt", "one");
        await ctx.files.write("data/a/b.txt", new TextEncoder().encode(" two"), { append: true });
        const seen = [
          await ctx.files.readText("data/a/b.txt"),
          (await ctx.files.list("data")).map(({ name }) => name),
          await ctx.files.stat("data/x"),
        ];
        const socket = await ctx.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
        await socket.send("hello");
        for await (const message of socket) {
          seen.push(message as string);
          break;
        }
        ctx.log.info("seen", {
          seen,
          outcome: await ctx.exec("git", ["status"]),
          refused: await ctx.files.read("workspace/x").catch(({ code }) => code),
        });
      },
    });
    await using host = await createTestHost({
      extensions: [{ manifest: { ...base, id: "demo.all", permissions: { fs: ["data"], net: ["loopback"], exec: ["git status *"] } }, extension }],
      provide: [
        {
          contract: "plinth.program-runner",
          descriptor: { title: "Scripted" },
          provider: {
            async *open({ programs, request }) {
              yield { stdout: new TextEncoder().encode(`${programs} ${request.args}`) };
              yield { code: 1, signal: null };
            },
          } as Partial<Provider<"plinth.program-runner">>,
        },
      ],
    });
    await host.activate("demo.all");
    server.close();
    expect(host.log[0]?.fields).toEqual({
      seen: ["one two", ["a"], null, "heard hello"],
      outcome: { code: 1, signal: null, stdout: "git status * status", stderr: "" },
      refused: "PLINTH_PERMISSION",
    });
  });

  it("fails an activation that keeps less than it declared", async () => {
    const extension = defineExtension({ activate() {} });
    await using host = await createTestHost({
      extensions: [{ manifest: { ...base, id: "demo.empty", provides: [tool("dice")] }, extension }],
    });
    await expect(host.use("plinth.tool").get("dice").call({ args: {} })).rejects.toMatchObject({ code: "PLINTH_NOT_PROVIDED" });
  });

  it("refuses manifests, descriptors and results that do not fit their schemas", async () => {
    const extension = defineExtension({
      activate: (ctx) => ctx.provide("plinth.tool", "dice", { call: () => ({ wrong: true }) as never }),
    });
    const given = (manifest: object) => createTestHost({ extensions: [{ manifest, extension }] });
    await expect(given({ ...base, id: "demo.dice", surprise: 1 })).rejects.toMatchObject({ code: "PLINTH_MANIFEST_INVALID" });
    await expect(given({ ...base, id: "demo.dice", provides: [{ ...tool("dice"), descriptor: {} }] })).rejects.toMatchObject({
      code: "PLINTH_PAYLOAD",
    });
    await using host = await given({ ...base, id: "demo.dice", provides: [tool("dice")] });
    await expect(host.use("plinth.tool").get("dice").call({ args: {} })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
    await expect(
      host
        .use("plinth.tool")
        .get("dice")
        .call({} as never),
    ).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
  });

  it("says what is missing and what is not supported", async () => {
    await using host = await createTestHost({
      provide: [{ contract: "plinth.gateway-method", id: "x", provider: {} }],
    });
    await expect(host.use("plinth.tool").get("none").call({ args: {} })).rejects.toMatchObject({
      code: "PLINTH_CAPABILITY_MISSING",
    });
    await expect(host.use("plinth.turns").one().status({})).rejects.toMatchObject({ code: "PLINTH_CAPABILITY_MISSING" });
    await expect(host.use("plinth.gateway-method").get("x").call({})).rejects.toMatchObject({ code: "PLINTH_UNSUPPORTED" });
    await expect(
      (async () => {
        for await (const _ of host.use("plinth.gateway-method").get("x").open({})) break;
      })(),
    ).rejects.toMatchObject({ code: "PLINTH_UNSUPPORTED" });
  });

  it("cancels a call whose caller lost interest or whose deadline passed", async () => {
    const seen: unknown[] = [];
    const provider = {
      call: (_: unknown, call: { signal: AbortSignal }) =>
        new Promise<never>(() => call.signal.addEventListener("abort", () => seen.push((call.signal.reason as Error).name))),
    };
    await using host = await createTestHost({
      provide: [{ contract: "plinth.tool", id: "slow", provider: provider as never }],
    });
    const slow = host.use("plinth.tool").get("slow");
    await expect(slow.call({ args: {} }, { deadlineMs: 20 })).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
    await expect(slow.call({ args: {} }, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "PLINTH_ABORTED",
    });
    await expect(slow.call({ args: {} }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(seen.length).toBe(2);
  });

  it("tells a streaming provider when its reader leaves", async () => {
    let cancelled = false;
    let cleaned = false;
    const provider = {
      async *run(_: unknown, call: { signal: AbortSignal }) {
        call.signal.addEventListener("abort", () => {
          cancelled = true;
        });
        try {
          for (let n = 0; ; n++) yield { text: String(n) };
        } finally {
          cleaned = true;
        }
      },
    };
    await using host = await createTestHost({
      provide: [{ contract: "plinth.chat-command", id: "count", provider: provider as never }],
    });
    for await (const item of host.use("plinth.chat-command").get("count").run({ args: "", sessionKey: "s" })) {
      if ("text" in item && item.text === "3") break;
    }
    await new Promise(setImmediate);
    expect([cancelled, cleaned]).toEqual([true, true]);
  });

  it("carries the principal through calls, streams and hooks, and gives activation none", async () => {
    const seen: string[] = [];
    const manifest = {
      ...base,
      id: "demo.who",
      provides: [tool("who")],
      uses: [{ contract: "plinth.chat-command", range: "^1" }],
      hooks: [{ on: "turn.end" }],
    };
    const extension = defineExtension({
      activate(ctx) {
        seen.push(`activate:${ctx.currentWork()?.principal.role}`);
        ctx.hooks.on("turn.end", (_, call) => void seen.push(`hook:${call.work?.principal.role}`));
        ctx.provide("plinth.tool", "who", {
          async call(_, call) {
            seen.push(`tool:${call.work?.principal.role}`);
            for await (const _ of ctx.use("plinth.chat-command").get("echo").run({ args: "", sessionKey: "s" }));
            return text("");
          },
        });
      },
    });
    const echo = {
      async *run(_: unknown, call: { work?: { principal: { role: string } } }) {
        seen.push(`stream:${call.work?.principal.role}`);
        yield { text: "" };
      },
    };
    await using host = await createTestHost({
      extensions: [{ manifest, extension }],
      provide: [{ contract: "plinth.chat-command", id: "echo", provider: echo as never }],
    });
    await host.as(owner, () => host.use("plinth.tool").get("who").call({ args: {} }));
    await host.as({ role: "guest", via: "test" }, () => host.fire("turn.end", { sessionKey: "s", runId: "r", status: "ok", durationMs: 1 }));
    await host.use("plinth.tool").get("who").call({ args: {} });
    expect(seen).toEqual(["activate:undefined", "tool:owner", "stream:owner", "hook:guest", "tool:undefined", "stream:undefined"]);
  });

  it("sends a secret to a declared host and shows the extension a handle only", async () => {
    let received = "";
    const server = createServer((request, response) => {
      received = String(request.headers.authorization);
      response.end("fine");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const manifest = {
      ...base,
      id: "demo.net",
      provides: [tool("get")],
      permissions: { net: ["loopback", "example.com"], secrets: ["KEY"] },
    };
    let handle = "";
    const extension = defineExtension({
      activate(ctx) {
        handle = ctx.secrets.handle("KEY");
        ctx.provide("plinth.tool", "get", {
          call: async ({ args }) => text(await (await ctx.fetch(String(args.url), { headers: { authorization: `Bearer ${handle}` } })).text()),
        });
      },
    });
    try {
      await using host = await createTestHost({ extensions: [{ manifest, extension, secrets: { KEY: "s3cret" } }] });
      const get = (target: string) =>
        host
          .use("plinth.tool")
          .get("get")
          .call({ args: { url: target } });
      expect(await get(url)).toEqual(text("fine"));
      expect(received).toBe("Bearer s3cret");
      expect(handle).not.toContain("s3cret");
      await expect(get("https://example.com/")).rejects.toMatchObject({ code: "PLINTH_TEST_NET" });
      await expect(get("https://example.org/")).rejects.toMatchObject({ code: "PLINTH_UNDECLARED" });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("stops extensions newest effect first and removes every folder", async () => {
    const order: string[] = [];
    let dataDir = "";
    const extension = defineExtension({
      activate(ctx) {
        dataDir = ctx.dataDir;
        ctx.effect("first", () => void order.push("first"));
        ctx.effect("second", () => void order.push("second"));
        ctx.scope("session:a").get("thing", () => ({ dispose: () => order.push("scope") }));
        return () => void order.push("activate");
      },
    });
    const host = await createTestHost({
      extensions: [{ manifest: { ...base, id: "demo.fx", permissions: { fs: ["data"] } }, extension }],
    });
    await host.activate("demo.fx");
    expect(existsSync(dataDir)).toBe(true);
    await Promise.all([host.close(), host.close()]);
    expect(order).toEqual(["activate", "second", "first", "scope"]);
    expect(existsSync(host.home)).toBe(false);
  });

  it("fills in configuration defaults, and answers for the host itself", async () => {
    const manifest = {
      ...base,
      id: "demo.conf",
      provides: [tool("conf")],
      uses: [{ contract: "plinth.host", range: "^1" }],
      config: { type: "object", properties: { size: { type: "integer", default: 7 } }, additionalProperties: false },
    };
    const extension = defineExtension({
      activate: (ctx) =>
        ctx.provide("plinth.tool", "conf", {
          call: async () => text(`${ctx.config.size} ${(await ctx.use("plinth.host").one().status({})).home}`),
        }),
    });
    await using host = await createTestHost({ extensions: [{ manifest, extension }] });
    expect(await host.use("plinth.tool").get("conf").call({ args: {} })).toEqual(text(`7 ${host.home}`));
    await expect(createTestHost({ extensions: [{ manifest, extension, config: { size: "x" } }] })).rejects.toMatchObject({
      code: "PLINTH_CONFIG_INVALID",
    });
  });
});
