import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { end, gate, owner, shout, startTurns } from "./turns.testing.ts";

let host: TestHost;
beforeEach(async () => {
  host = await startTurns();
});
afterEach(() => host.close());

const anybody = (id: string, params: unknown) => host.use("plinth.gateway-method").get(id).call(params) as Promise<any>;
const call = (id: string, params: unknown) => host.as(owner, () => anybody(id, params));

async function send(params: unknown): Promise<any[]> {
  const all: any[] = [];
  for await (const event of host.use("plinth.gateway-method").get("chat.send").open(params)) all.push(event);
  return all;
}

describe("the chat methods", () => {
  it("send a message and pass its events on verbatim", async () => {
    expect(await send({ text: "hi", sessionKey: "s", runId: "r" })).toEqual([
      { type: "start", runId: "r", sessionKey: "s" },
      { type: "text", delta: "HI" },
      { type: "end", status: "ok", text: "HI", model: "test/m", usage: { inputTokens: 1, outputTokens: 2 } },
    ]);
  });

  it("show a session's history, by default the router's", async () => {
    await end(host, "hi");
    const { sessionKey, entries } = await call("chat.history", {});
    expect(sessionKey).toBe("main");
    expect(entries).toHaveLength(3);
    expect((await call("chat.history", { sessionKey: "main", limit: 1 })).entries).toMatchObject([{ body: { kind: "run-end" } }]);
    expect(await call("chat.history", { sessionKey: "other" })).toEqual({ sessionKey: "other", entries: [] });
  });

  it("list sessions, and the commands that the caller may run", async () => {
    await end(host, "hi");
    expect((await call("sessions.list", {})).sessions).toMatchObject([{ key: "main", entries: 3 }]);
    expect((await anybody("commands.list", {})).commands.map(({ name }: any) => name)).toEqual(["help", "steer"]);
    const { commands } = await host.as(owner, () => call("commands.list", {}));
    expect(commands.find(({ name }: { name: string }) => name === "new")).toEqual({ name: "new", summary: expect.any(String), usage: "/new" });
  });

  it("rename, archive, find and delete a session", async () => {
    await end(host, "a train to Oslo");
    expect((await call("sessions.update", { sessionKey: "main", title: "Trip" })).session).toMatchObject({ key: "main", title: "Trip" });
    expect((await call("sessions.search", { text: "train os" })).hits.map(({ excerpt }: any) => excerpt).sort()).toEqual([
      "A TRAIN TO OSLO",
      "a train to Oslo",
    ]);
    expect((await call("sessions.update", { sessionKey: "main", title: null, archived: true })).session.title).toBeUndefined();
    expect((await call("sessions.list", {})).sessions).toEqual([]);
    expect((await call("sessions.list", { archived: true })).sessions).toMatchObject([{ key: "main" }]);
    expect(await call("sessions.delete", { sessionKey: "main" })).toEqual({ entries: 3 });
    expect(await call("sessions.get", { sessionKey: "main" })).toMatchObject({ deleted: { why: "asked", entries: 3 } });
    await expect(call("sessions.update", { sessionKey: "main", title: "x" })).rejects.toMatchObject({ code: "PLINTH_SESSION_UNKNOWN" });
  });

  it("take a waiting message back, interrupt what runs, and show a session to a watcher", async () => {
    const go = gate();
    await host.close();
    host = await startTurns({
      run: async function* (input, { signal }) {
        await Promise.race([go.wait, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
        signal.throwIfAborted();
        yield* shout(input);
      },
    });
    const seen: string[] = [];
    const watch = host.as(owner, async () => {
      const items = host.use("plinth.gateway-method").get("chat.follow").open({ sessionKey: "s" }) as AsyncIterable<any>;
      for await (const { runId, event } of items) {
        if (event.type === "end") seen.push(`${runId} ${event.status}`);
        if (seen.length === 3) return;
      }
    });
    const first = host.as(owner, () => send({ text: "one", sessionKey: "s", runId: "1" }));
    await expect.poll(async () => (await host.use("plinth.turns").one().status({})).running.length).toBe(1);
    const second = host.as(owner, () => send({ text: "two", sessionKey: "s", runId: "2" }));
    await expect.poll(async () => (await host.use("plinth.turns").one().status({})).queued).toBe(1);
    expect(await call("chat.withdraw", { runId: "2" })).toEqual({ withdrawn: true });
    expect(await call("chat.withdraw", { runId: "1" })).toEqual({ withdrawn: false });
    const third = host.as(owner, () => send({ text: "three", sessionKey: "s", runId: "3", mode: "interrupt" }));
    expect((await first).at(-1).status).toBe("aborted");
    go.open();
    expect((await Promise.all([second, third])).map((all) => all.at(-1).status)).toEqual(["aborted", "ok"]);
    await watch;
    expect(seen).toEqual(["2 aborted", "1 aborted", "3 ok"]);
  });

  it.each([
    ["chat.history", { sessionKey: "main" }],
    ["sessions.list", {}],
    ["sessions.get", { sessionKey: "main" }],
    ["sessions.update", { sessionKey: "main", title: "x" }],
    ["sessions.delete", { sessionKey: "main" }],
    ["sessions.search", { text: "hi" }],
    ["chat.abort", { sessionKey: "main" }],
    ["chat.withdraw", { runId: "r" }],
  ])("show and end nothing for an extension that calls %s past the gateway", async (id, params) => {
    await end(host, "hi");
    await expect(host.as({ role: "guest", via: "acme.x" }, () => anybody(id, params))).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(anybody(id, params)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
  });

  it("abort what they are told to, and say how much that was", async () => {
    expect(await call("chat.abort", { sessionKey: "main" })).toEqual({ aborted: 0 });
    expect(await call("chat.abort", { runId: "r" })).toEqual({ aborted: 0 });
  });

  it.each([
    ["chat.history", { limit: 0 }],
    ["chat.history", { sessionKey: 7 }],
    ["chat.history", { sessionKey: "x".repeat(257) }],
    ["chat.abort", {}],
    ["sessions.list", { limit: "10" }],
    ["sessions.list", { archived: 1 }],
    ["sessions.get", {}],
    ["sessions.update", { sessionKey: "main", title: "x".repeat(201) }],
    ["sessions.delete", { sessionKey: "" }],
    ["sessions.search", { text: "" }],
    ["chat.withdraw", {}],
    ["chat.history", { sessionKey: "a\ud800" }],
    ["chat.abort", { runId: "x\udc00" }],
  ])("refuse parameters of %s that make no sense: %j", async (id, params) => {
    await expect(call(id, params)).rejects.toMatchObject({ code: "PLINTH_PARAMS", next: expect.any(String) });
  });

  it("take a text with half a character, and whole ones in names", async () => {
    const { entries } = (await send({ text: "cut \ud83d", sessionKey: "so \ud83d\ude00" }).then(() =>
      call("chat.history", { sessionKey: "so \ud83d\ude00" }),
    )) as {
      entries: { body: { message?: { role: string; content: unknown } } }[];
    };
    expect(entries.find(({ body }) => body.message?.role === "user")?.body.message?.content).toEqual([{ type: "text", text: "cut \ufffd" }]);
  });

  it.each([
    undefined,
    null,
    7,
    {},
    { text: "" },
    { text: 7 },
    { text: "x", detached: "yes" },
    { text: "x", mode: "now" },
    { text: "x", sessionKey: "a\ud800" },
    { text: "x", runId: "\udc00" },
  ])("refuse to send %j", async (params) => {
    await expect(send(params)).rejects.toMatchObject({ code: "PLINTH_PARAMS" });
  });
});
