import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { end, owner, startTurns } from "./turns.testing.ts";

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
    expect((await anybody("commands.list", {})).commands.map(({ name }: any) => name)).toEqual(["help"]);
    const { commands } = await host.as(owner, () => call("commands.list", {}));
    expect(commands[1]).toEqual({ name: "new", summary: expect.any(String), usage: "/new" });
  });

  it.each([
    ["chat.history", { sessionKey: "main" }],
    ["sessions.list", {}],
    ["chat.abort", { sessionKey: "main" }],
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
  ])("refuse parameters of %s that make no sense: %j", async (id, params) => {
    await expect(call(id, params)).rejects.toMatchObject({ code: "PLINTH_PARAMS", next: expect.any(String) });
  });

  it.each([undefined, null, 7, {}, { text: "" }, { text: 7 }, { text: "x", detached: "yes" }])("refuse to send %j", async (params) => {
    await expect(send(params)).rejects.toMatchObject({ code: "PLINTH_PARAMS" });
  });
});
