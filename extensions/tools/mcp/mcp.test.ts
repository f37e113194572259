import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context, Effect, ToolItem } from "@plinth/sdk";
import { createTestHost, describeConformance, type TestHost, toolSetConformance } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const PEERS = join(import.meta.dirname, "../../../test/peers");
const EVERYTHING = join(PEERS, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const there = existsSync(EVERYTHING);
if (!there) console.warn("no MCP server in test/peers: run `npm ci` there");

const server = (file: string, more: object = {}) => ({ command: process.execPath, args: [file], ...more });
const everything = server(EVERYTHING);
const odd = (way: string, more: object = {}) => ({
  command: process.execPath,
  args: [join(import.meta.dirname, "odd-server.testing.mjs"), way],
  ...more,
});

let host: TestHost | undefined;
afterEach(() => host?.close());

const start = async (servers: object) => {
  host = await createTestHost({ extensions: [{ manifest, extension, config: { servers } }] });
  return host.use("plinth.tool-set").get("mcp");
};
const names = (tools: readonly { name: string }[]) => tools.map(({ name }) => name);

describe.skipIf(!there)("the tools of a real MCP server", () => {
  it("are listed with their schemas and hints, and can be called", async () => {
    const set = await start({ demo: everything });
    const { tools } = await set.list({});
    expect(names(tools)).toEqual(expect.arrayContaining(["echo", "get-sum", "get-structured-content"]));
    expect(tools.find(({ name }) => name === "get-sum")).toMatchObject({
      source: "demo",
      input: { type: "object", required: ["a", "b"] },
      progress: true,
    });
    expect(tools.every(({ effects }) => effects === undefined)).toBe(true);
    const sum = await set.call({ source: "demo", tool: "get-sum", args: { a: 2, b: 3 } });
    expect(sum).toMatchObject({ content: [{ type: "text", text: expect.stringContaining("5") }], outside: true });
    const weather = await set.call({ source: "demo", tool: "get-structured-content", args: { location: "New York" } });
    expect(weather.structured).toMatchObject({ temperature: expect.any(Number) });
  });

  it("answer what they cannot do as an error that a model can read", async () => {
    const set = await start({ demo: everything });
    expect(await set.call({ source: "demo", tool: "get-sum", args: { a: "two" } })).toMatchObject({ isError: true });
  });

  it("tell how far they are, and hear that they are not wanted any more", async () => {
    const set = await start({ demo: everything });
    const long = { source: "demo", tool: "trigger-long-running-operation" };
    const items: ToolItem[] = [];
    for await (const item of set.run({ ...long, args: { duration: 0.2, steps: 2 } })) items.push(item);
    expect(items[0]).toEqual({ type: "progress", done: 1, total: 2 });
    expect(items.at(-1)?.type).toBe("result");
    const controller = new AbortController();
    const given = set.call({ ...long, args: { duration: 600, steps: 10 } }, { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
  });

  it("ask in the middle of a call, and go on with the answer", async () => {
    const set = await start({ demo: everything });
    const seen: ToolItem[] = [];
    for await (const item of set.run({ source: "demo", tool: "trigger-elicitation-request", args: {} })) {
      seen.push(item);
      if (item.type !== "ask") continue;
      expect(item.question.schema).toMatchObject({ type: "object" });
      await set.answer({ source: "demo", tool: "trigger-elicitation-request", callId: "c", id: item.question.id, answer: "declined" });
    }
    expect(seen.map(({ type }) => type)).toEqual(["ask", "result"]);
    expect(JSON.stringify(seen.at(-1))).toMatch(/decline/i);
  });

  it("are told that nobody answers when the call is given up while they ask", async () => {
    const set = await start({ demo: everything });
    const asking = { source: "demo", tool: "trigger-elicitation-request", args: {} };
    for await (const item of set.run(asking)) if (item.type === "ask") break;
    // The server goes on: it was not left waiting, and neither is the next one.
    const seen: string[] = [];
    for await (const item of set.run(asking)) {
      seen.push(item.type);
      if (item.type === "ask") await set.answer({ ...asking, callId: "c", id: item.question.id, answer: "chosen", values: { name: "Ann" } });
    }
    expect(seen).toEqual(["ask", "result"]);
  });

  it("see the host's variables only where they are passed on by name", async () => {
    process.env.PLINTH_TEST_SECRET = "not for everybody";
    try {
      const set = await start({ demo: everything, told: { ...everything, pass: ["PLINTH_TEST_SECRET"], env: { OWN: "yes" } } });
      const env = async (source: string) => JSON.stringify(await set.call({ source, tool: "get-env", args: {} }));
      expect(await env("demo")).not.toContain("PLINTH_TEST_SECRET");
      expect(await env("told")).toMatch(/not for everybody[\s\S]*OWN|OWN[\s\S]*not for everybody/);
    } finally {
      delete process.env.PLINTH_TEST_SECRET;
    }
  });
});

describe("a server", () => {
  it("that cannot be started is a problem of its own; the others' tools are there", async () => {
    const set = await start({ a: { command: "/there/is/no/such/program" }, b: odd("plain", { effects: ["read"] }), c: odd("dies") });
    const pages = [];
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await set.list(cursor === undefined ? {} : { cursor });
      pages.push(page);
      cursor = page.next;
    }
    expect(pages.flatMap(({ tools }) => tools)).toMatchObject([{ name: "hello", source: "b", effects: ["read"] }]);
    expect(pages.flatMap(({ problems = [] }) => problems)).toEqual([
      { what: "mcp: a", code: "PLINTH_TOOL_SOURCE", message: expect.stringContaining("could not be started") },
      { what: "mcp: c", code: "PLINTH_TOOL_SOURCE", message: expect.stringContaining("last words") },
    ]);
  });

  it("is started at the first use, and what it started ends with the host", async () => {
    const set = await start({ b: odd("child") });
    const { content } = await set.call({ source: "b", tool: "hello", args: {} });
    const [own, child] = (content[0] as { text: string }).text.split(" ").map(Number) as [number, number];
    expect([own, child].map(runs)).toEqual([true, true]);
    await host?.close();
    await expect.poll(() => [own, child].map(runs)).toEqual([false, false]);
  });

  it("that ends is started again, after a pause, and says so", async () => {
    let told = 0;
    const listener = {
      manifest: { ...manifest, id: "test.listener", provides: [], hooks: [{ on: "tools.changed" }], config: {}, title: "x" },
      extension: { activate: (ctx: any) => void ctx.hooks.on("tools.changed", () => void told++) } as never,
    };
    host = await createTestHost({ extensions: [{ manifest, extension, config: { servers: { b: odd("once") } } }, listener] });
    const set = host.use("plinth.tool-set").get("mcp");
    await set.list({});
    await expect(set.call({ source: "b", tool: "hello", args: {} })).rejects.toMatchObject({ code: "PLINTH_TOOL_SOURCE" });
    await expect(set.call({ source: "b", tool: "hello", args: {} })).rejects.toMatchObject({
      message: expect.stringContaining("started again after"),
    });
    await expect.poll(() => told, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(names((await set.list({})).tools)).toEqual(["hello"]);
  });

  it("that writes without end, or what is no message, holds nobody up", async () => {
    const set = await start({ flood: odd("flood"), noise: odd("noise") });
    expect((await set.list({})).problems).toMatchObject([{ what: "mcp: flood", code: "PLINTH_TOOL_SOURCE" }]);
    expect(names((await set.list({ cursor: "1" })).tools)).toEqual(["hello"]);
  });

  it("whose picture is larger than a part may be has it kept, and named where it cannot be", async () => {
    const kept: { bytes: number; mimeType: string; session: string }[] = [];
    const put = ({ base64, mimeType, session }: { base64: string; mimeType: string; session: string }) => {
      kept.push({ bytes: Buffer.from(base64, "base64").length, mimeType, session });
      return { artifact: { id: "a1", sha256: "0".repeat(64), bytes: 200_000, mimeType, createdAt: 0 } };
    };
    host = await createTestHost({
      extensions: [{ manifest, extension, config: { servers: { odd: odd("picture") } } }],
      provide: [{ contract: "plinth.artifacts", descriptor: { title: "x", durable: false }, provider: { put } as never }],
    });
    const call = { source: "odd", tool: "hello", args: {}, sessionKey: "s" };
    const { content } = await host.use("plinth.tool-set").get("mcp").call(call);
    expect(content).toEqual([{ type: "image", artifact: "a1", mimeType: "image/png", bytes: 200_000 }]);
    expect(kept).toEqual([{ bytes: 200_000, mimeType: "image/png", session: "s" }]);
    await host.close();
    const alone = await start({ odd: odd("picture") });
    expect((await alone.call(call)).content[0]).toMatchObject({ type: "text", text: expect.stringContaining("[image of 196 KiB was left out") });
  });

  it("that lists ten thousand tools has a thousand", async () => {
    const set = await start({ many: odd("many") });
    expect((await set.list({})).tools).toHaveLength(1_000);
  });
});

describe("what a server asks in the middle of a call", () => {
  const owner = (session: string) => ({ role: "owner" as const, via: "gateway-token", scope: { session } });
  const ask = { source: "b", tool: "ask", args: {}, callId: "c" };
  const wait = { ...ask, tool: "wait" };
  const yes = { answer: "chosen", values: { sure: true } } as const;
  const all = async (given: AsyncIterable<ToolItem>): Promise<ToolItem[]> => {
    const items: ToolItem[] = [];
    for await (const item of given) items.push(item);
    return items;
  };
  const words = (items: readonly ToolItem[]) => JSON.stringify(items);

  /** The set, as the product uses it, and as another publisher's extension does. */
  const withThird = async () => {
    let ctx!: Context;
    const parts = { id: "acme.third", title: "x", provides: [], config: {}, uses: [{ contract: "plinth.tool-set", range: "^1" }] };
    const third = { manifest: { ...manifest, ...parts }, extension: { activate: (given: Context) => void (ctx = given) }, trusted: false };
    host = await createTestHost({ extensions: [{ manifest, extension, config: { servers: { b: odd("asks") } } }, third] });
    await host.activate("acme.third");
    return { set: host.use("plinth.tool-set").get("mcp"), third: ctx.use("plinth.tool-set").get("mcp"), of: host };
  };

  it("is asked in the one conversation whose calls run", async () => {
    const { set, of } = await withThird();
    await of.as(owner("main"), async () => {
      const other = all(set.run(wait));
      // The server takes what it is told in its order: that call is there before whatever comes next.
      await set.list({});
      for await (const item of set.run(ask)) if (item.type === "ask") await set.answer({ ...ask, id: item.question.id, ...yes });
      expect(words(await other)).toContain("accept");
    });
  });

  it("is not asked where calls of two conversations run: it could be either's", async () => {
    const { set, of } = await withThird();
    const other = of.as(owner("work"), () => all(set.run(wait)));
    await set.list({});
    const items = await of.as(owner("main"), () => all(set.run(ask)));
    expect(items.map(({ type }) => type)).toEqual(["progress", "result"]);
    expect(words(items)).toMatch(/calls of others may have caused it.*cancel/);
    expect(words(await other)).not.toContain('"ask"');
  });

  it("is never told to another publisher's extension whose call runs beside the owner's", async () => {
    const { set, third, of } = await withThird();
    const theirs = all(third.run(wait));
    // Their call is there before the owner's, whose end it waits for.
    await set.list({});
    const own = await of.as(owner("main"), () => all(set.run(ask)));
    expect(words([...own, ...(await theirs)])).not.toMatch(/Book it|accept/);
    expect(words(await all(third.run(ask)))).not.toMatch(/Book it|accept/);
  });

  it("is not asked in another conversation where its own call was given up", async () => {
    const { set, third, of } = await withThird();
    const stop = new AbortController();
    const given = all(third.run(wait, { signal: stop.signal }));
    await set.list({});
    stop.abort();
    await expect(given).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(words(await of.as(owner("main"), () => all(set.run(ask))))).not.toMatch(/Book it|accept/);
  });

  it("is answered through the product alone", async () => {
    const { set, third, of } = await withThird();
    await of.as(owner("main"), async () => {
      for await (const item of set.run(ask)) {
        if (item.type !== "ask") continue;
        const answer = { ...ask, id: item.question.id };
        await expect(third.answer({ ...answer, ...yes })).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.third" });
        await set.answer({ ...answer, answer: "declined" });
      }
    });
  });
});

describeConformance({ describe, it }, "the MCP set", toolSetConformance, {
  open: async () => {
    const opened = await createTestHost({ extensions: [{ manifest, extension, config: { servers: { b: odd("plain") } } }] });
    return { set: opened.use("plinth.tool-set").get("mcp"), close: () => opened.close() };
  },
  effects: manifest.provides[0]?.descriptor.effects as Effect[],
  good: { source: "b", tool: "hello", args: {} },
});

/** What ended and was not yet taken note of by its parent runs no more. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
